// The gradient of attention's q: dq = scale·Σ over keys of ds·k with ds = w·(dout·v − delta), w the attention weight (found
// again from stats[row].x) and delta = dout·out, which is left in stats[row].y for backward_key. One invocation owns one
// query row, as in attention/forward. Writes part 0 of the packed gradient where PACKED.
#define ROLE 1
#include "attention/operands"

@compute @workgroup_size(WIDTH)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
#if SHARE > 1
        @builtin(subgroup_invocation_id) lane: u32,
#endif
        @builtin(local_invocation_index) local: u32) {
  let tiles = (p.tq + WIDTH - 1u) / WIDTH;
  let pair = linear_group(group, groups) / tiles;
  if (pair >= p.pairs) { return; }
  let own = linear_group(group, groups) % tiles * WIDTH + local;
  let row = min(own, p.tq - 1u);
  let query_at = row_at(0u, pair, row, p.tq);
  let row_out = out_at(pair, row);
  let log_total = stats[pair * p.tq + row].x;
  var delta = 0.0;
#repeat i CHUNKS
  let q##i = read_query(query_at, i##u) * (p.scale * log2e);
  let g##i = read_grad(row_out, i##u);
  delta += dot(g##i, read_output(row_out, i##u));
  var sum##i = vec4(0.0);
#end
  for (var first = 0u; first < p.tk; first += u32(STEP)) {
#repeat s STEP
    var score##s = 0.0;
    var change##s = -delta;
#end
#if SHARE > 1
    let mine = min(first + lane % u32(SHARE), p.tk - 1u);
    let key_at = row_at(1u, pair, mine, p.tk);
    let value_at = row_at(2u, pair, mine, p.tk);
#repeat i CHUNKS
    let key##i = read_key(key_at, i##u);
    let value##i = read_value(value_at, i##u);
#repeat s STEP
    score##s += dot(q##i, subgroupBroadcast(key##i, s##u));
    change##s += dot(g##i, subgroupBroadcast(value##i, s##u));
#end
#end
#else
#repeat s STEP
    let key_at##s = row_at(1u, pair, min(first + s##u, p.tk - 1u), p.tk);
    let value_at##s = row_at(2u, pair, min(first + s##u, p.tk - 1u), p.tk);
#repeat i CHUNKS
    let key##s##_##i = read_key(key_at##s, i##u);
    score##s += dot(q##i, key##s##_##i);
    change##s += dot(g##i, read_value(value_at##s, i##u));
#end
#end
#endif
#include "attention/hide"
#repeat s STEP
    let slope##s = exp2(score##s - log_total) * change##s;
#end
#repeat i CHUNKS
#repeat s STEP
#if SHARE > 1
    sum##i += slope##s * subgroupBroadcast(key##i, s##u);
#else
    sum##i += slope##s * key##s##_##i;
#endif
#end
#end
  }
  if (own < p.tq) {
#repeat i CHUNKS
    write_target(query_at, i##u, sum##i * p.scale);
#end
    stats[pair * p.tq + own].y = delta;
  }
}
