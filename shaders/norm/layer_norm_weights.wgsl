// Gradients of layer_norm's weight and bias, first of two phases: over each run of `chunk` rows,
// dweight[i] = Σ g·x̂ and dbias[i] = Σ g, each [chunks, items]; reduce/columns adds the chunks up.
// One invocation for each column of items and each chunk, so that neighbours read neighbours.
#include "lib/index"
#if VEC
#define ITEM vec4<f32>
#else
#define ITEM f32
#endif
struct Params { rows: u32, items: u32, chunk: u32, chunks: u32 }
@group(0) @binding(0) var<storage, read> upstream: array<ITEM>;
@group(0) @binding(1) var<storage, read> source: array<ITEM>;
@group(0) @binding(2) var<storage, read> stats: array<vec2<f32>>;
@group(0) @binding(3) var<storage, read_write> weights: array<ITEM>;
@group(0) @binding(4) var<storage, read_write> biases: array<ITEM>;
var<immediate> p: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let at = linear_group(group, groups) * 64u + lane;
  if (at >= p.items * p.chunks) { return; }
  let column = at % p.items;
  let chunk = at / p.items;
  let end = min(p.rows, (chunk + 1u) * p.chunk);
  var weight = ITEM(0.0);
  var bias = ITEM(0.0);
  for (var row = chunk * p.chunk; row < end; row++) {
    let s = stats[row];
    let g = upstream[row * p.items + column];
    weight += g * ((source[row * p.items + column] - s.x) * s.y);
    bias += g;
  }
  weights[at] = weight;
  biases[at] = bias;
}
