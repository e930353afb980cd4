// The gradients of attention's k and v: dv = Σ over queries of w·dout, dk = scale·Σ of ds·q with w and ds as in
// attention/backward_query, which must have run before (it leaves delta in stats). One invocation owns one key row and
// walks the queries, so that no sum is shared. Writes parts 1 and 2 of the packed gradient where PACKED.
#define ROLE 2
#include "attention/operands"

@compute @workgroup_size(WIDTH)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
#if SHARE > 1
        @builtin(subgroup_invocation_id) lane: u32,
#endif
        @builtin(local_invocation_index) local: u32) {
  let tiles = (p.tk + WIDTH - 1u) / WIDTH;
  let pair = linear_group(group, groups) / tiles;
  if (pair >= p.pairs) { return; }
  let own = linear_group(group, groups) % tiles * WIDTH + local;
  let row = min(own, p.tk - 1u);
  let key_at = row_at(1u, pair, row, p.tk);
  let value_at = row_at(2u, pair, row, p.tk);
#repeat i CHUNKS
  let key##i = read_key(key_at, i##u) * (p.scale * log2e);
  let value##i = read_value(value_at, i##u);
  var sum_k##i = vec4(0.0);
  var sum_v##i = vec4(0.0);
#end
  for (var first = 0u; first < p.tq; first += u32(STEP)) {
#if SHARE > 1
    let mine = min(first + lane % u32(SHARE), p.tq - 1u);
    let query_at = row_at(0u, pair, mine, p.tq);
    let grad_at = out_at(pair, mine);
    var stat = stats[pair * p.tq + mine];
    if (first + lane % u32(SHARE) >= p.tq) { stat = vec2(-negligible, 0.0); }
#repeat s STEP
    let stat##s = subgroupBroadcast(stat, s##u);
    var score##s = -stat##s.x;
    var change##s = -stat##s.y;
#end
#repeat i CHUNKS
    let q##i = read_query(query_at, i##u);
    let g##i = read_grad(grad_at, i##u);
#repeat s STEP
    score##s += dot(key##i, subgroupBroadcast(q##i, s##u));
    change##s += dot(value##i, subgroupBroadcast(g##i, s##u));
#end
#end
#else
#repeat s STEP
    let query_at##s = row_at(0u, pair, min(first + s##u, p.tq - 1u), p.tq);
    let grad_at##s = out_at(pair, min(first + s##u, p.tq - 1u));
    var stat##s = stats[pair * p.tq + min(first + s##u, p.tq - 1u)];
    if (first + s##u >= p.tq) { stat##s = vec2(-negligible, 0.0); }
    var score##s = -stat##s.x;
    var change##s = -stat##s.y;
#repeat i CHUNKS
    let q##s##_##i = read_query(query_at##s, i##u);
    let g##s##_##i = read_grad(grad_at##s, i##u);
    score##s += dot(key##i, q##s##_##i);
    change##s += dot(value##i, g##s##_##i);
#end
#end
#endif
#if MASK == 2
#repeat s STEP
    score##s += mask_value(pair, min(first + s##u, p.tq - 1u), row);
#end
#endif
#repeat s STEP
    let weight##s = exp2(score##s);
    let slope##s = weight##s * change##s;
#end
#repeat i CHUNKS
#repeat s STEP
#if SHARE > 1
    sum_v##i += weight##s * subgroupBroadcast(g##i, s##u);
    sum_k##i += slope##s * subgroupBroadcast(q##i, s##u);
#else
    sum_v##i += weight##s * g##s##_##i;
    sum_k##i += slope##s * q##s##_##i;
#endif
#end
#end
  }
  if (own < p.tk) {
#if MASK == 1
    let shown = is_kept(pair, own);
#else
    let shown = true;
#endif
#repeat i CHUNKS
    write_target(key_at, i##u, select(vec4(0.0), sum_k##i * p.scale, shown));
    write_value(value_at, i##u, select(vec4(0.0), sum_v##i, shown));
#end
  }
}
