// The input of heads that learn a weighted sum of layers: x[run, row, ·] = Σ_l shares[run, l]·features[l, index[row], ·]. The columns from
// p.features on (a one for the bias, then zeros) are copied. features: [layers, examples, quads] of vec4; shares: [runs, p.columns].
// DRAW 1: rows are those of this step (now as in probe/draw; a row that is not there is zero), else row and example are the same.
// One item does one quad of one row of one run.
#include "lib/index"
struct Params { count: u32, quads: u32, features: u32, rows: u32, examples: u32, layers: u32, columns: u32 }
@group(0) @binding(0) var<storage, read> features: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> shares: array<f32>;
#if DRAW
@group(0) @binding(2) var<storage, read> now: array<u32>;
#define OUT 3
#else
#define OUT 2
#endif
@group(0) @binding(OUT) var<storage, read_write> x: array<vec4<f32>>;
var<immediate> p: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = linear_group(group, groups) * 64u + lane;
  if (i >= p.count) { return; }
  let quad = i % p.quads;
  let row = i / p.quads % p.rows;
  let run = i / p.quads / p.rows;
#if DRAW
  let index = now[8u + row];
  if (index == 0xffffffffu) {
    x[i] = vec4(0.0);
    return;
  }
#else
  let index = row;
#endif
  let whole = features[index * p.quads + quad];
  var sum = vec4(0.0);
  for (var l = 0u; l < p.layers; l++) {
    sum += shares[run * p.columns + l] * features[(l * p.examples + index) * p.quads + quad];
  }
  x[i] = select(whole, sum, quad * 4u + vec4(0u, 1u, 2u, 3u) < vec4(p.features));
}
