// The gradients of attention's k and v: dv = Σ over queries of w·dout, dk = scale·Σ of ds·q with w and ds as in
// attention/backward_query, which must have run before (it leaves delta in stats). One invocation owns one key row and
// walks the queries, so that no sum is shared. Writes parts 1 and 2 of the packed gradient where PACKED.
#include "attention/layout"
@group(0) @binding(0) var<storage, read_write> target_: array<ITEM>;
#if PACKED
#define STATS_BINDING 1
#define GRAD_BINDING 2
#define QUERY_BINDING 3
#define MASK_BINDING 4
#else
@group(0) @binding(1) var<storage, read_write> target_v: array<ITEM>;
#define STATS_BINDING 2
#define GRAD_BINDING 3
#define QUERY_BINDING 4
@group(0) @binding(5) var<storage, read> key: array<ITEM>;
@group(0) @binding(6) var<storage, read> value: array<ITEM>;
#define MASK_BINDING 7
#endif
@group(0) @binding(STATS_BINDING) var<storage, read> stats: array<vec2<f32>>;
@group(0) @binding(GRAD_BINDING) var<storage, read> grad: array<ITEM>;
@group(0) @binding(QUERY_BINDING) var<storage, read> query: array<ITEM>;
#if MASK
@group(0) @binding(MASK_BINDING) var<storage, read> mask: array<MASK_TYPE>;
#endif
var<immediate> p: Params;
#define READ_GRAD 1
#define WRITE_VALUE 1
#include "attention/rows"

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
#if LOOPS
  var own_k: array<vec4<f32>, CHUNKS>;
  var own_v: array<vec4<f32>, CHUNKS>;
  for (var i = 0u; i < p.chunks; i++) {
    own_k[at_chunk(i)] = read_key(key_at, i);
    own_v[at_chunk(i)] = read_value(value_at, i);
  }
#endif
#repeat i CHUNKS
#if LOOPS
  let key##i = own_k[i] * (p.scale * log2e);
  let value##i = own_v[i];
#else
  let key##i = read_key(key_at, i##u) * (p.scale * log2e);
  let value##i = read_value(value_at, i##u);
#endif
  var sum_k##i = vec4(0.0);
  var sum_v##i = vec4(0.0);
#end
#if MASK == 2
  let mask_at = pair / p.heads * p.mask_b + pair % p.heads * p.mask_h + row * p.mask_k;
#endif
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
    score##s += max(mask[mask_at + min(first + s##u, p.tq - 1u) * p.mask_q] * log2e, negligible);
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
    let shown = mask[pair / p.heads * p.tk + own] != MASK_TYPE(0);
#else
    let shown = true;
#endif
#if LOOPS
    var sums_k = array<vec4<f32>, CHUNKS>(
#repeat i CHUNKS
      select(vec4(0.0), sum_k##i * p.scale, shown),
#end
    );
    var sums_v = array<vec4<f32>, CHUNKS>(
#repeat i CHUNKS
      select(vec4(0.0), sum_v##i, shown),
#end
    );
    for (var i = 0u; i < p.chunks; i++) {
      write_target(key_at, i, sums_k[at_chunk(i)]);
      write_value(value_at, i, sums_v[at_chunk(i)]);
    }
#else
#repeat i CHUNKS
    write_target(key_at, i##u, select(vec4(0.0), sum_k##i * p.scale, shown));
    write_value(value_at, i##u, select(vec4(0.0), sum_v##i, shown));
#end
#endif
  }
}
