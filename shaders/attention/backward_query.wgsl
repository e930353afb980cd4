// The gradient of attention's q: dq = scale·Σ over keys of ds·k with ds = w·(dout·v − delta), w the attention weight (found
// again from stats[row].x) and delta = dout·out, which is left in stats[row].y for backward_key. One invocation owns one
// query row, as in attention/forward. Writes part 0 of the packed gradient where PACKED.
#include "attention/layout"
@group(0) @binding(0) var<storage, read_write> target_: array<ITEM>;
@group(0) @binding(1) var<storage, read_write> stats: array<vec2<f32>>;
@group(0) @binding(2) var<storage, read> grad: array<ITEM>;
@group(0) @binding(3) var<storage, read> output: array<ITEM>;
@group(0) @binding(4) var<storage, read> query: array<ITEM>;
#if PACKED
#define MASK_BINDING 5
#else
@group(0) @binding(5) var<storage, read> key: array<ITEM>;
@group(0) @binding(6) var<storage, read> value: array<ITEM>;
#define MASK_BINDING 7
#endif
#if MASK
@group(0) @binding(MASK_BINDING) var<storage, read> mask: array<MASK_TYPE>;
#endif
var<immediate> p: Params;
#define READ_GRAD 1
#define READ_OUTPUT 1
#include "attention/rows"

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
#if LOOPS
  var own_q: array<vec4<f32>, CHUNKS>;
  var own_g: array<vec4<f32>, CHUNKS>;
  for (var i = 0u; i < p.chunks; i++) {
    own_q[at_chunk(i)] = read_query(query_at, i);
    let g = read_grad(row_out, i);
    own_g[at_chunk(i)] = g;
    delta += dot(g, read_output(row_out, i));
  }
#endif
#repeat i CHUNKS
#if LOOPS
  let q##i = own_q[i] * (p.scale * log2e);
  let g##i = own_g[i];
#else
  let q##i = read_query(query_at, i##u) * (p.scale * log2e);
  let g##i = read_grad(row_out, i##u);
  delta += dot(g##i, read_output(row_out, i##u));
#endif
  var sum##i = vec4(0.0);
#end
#if MASK == 2
  let mask_at = pair / p.heads * p.mask_b + pair % p.heads * p.mask_h + row * p.mask_q;
#endif
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
#if LOOPS
    var sums = array<vec4<f32>, CHUNKS>(
#repeat i CHUNKS
      sum##i * p.scale,
#end
    );
    for (var i = 0u; i < p.chunks; i++) { write_target(query_at, i, sums[at_chunk(i)]); }
#else
#repeat i CHUNKS
    write_target(query_at, i##u, sum##i * p.scale);
#end
#endif
    stats[pair * p.tq + own].y = delta;
  }
}
