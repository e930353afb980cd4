// Shares of the layers in each run's weighted sum: shares[run, l] = softmax(weights[run])[l] over p.layers, zero in the padding. BACK 1:
// the gradient of the weights from that of the shares, weights[run, l] = shares[run, l]·(d[run, l] - Σ_k shares[run, k]·d[run, k]).
// All [runs, p.columns]; one invocation does a run.
#include "lib/index"
struct Params { runs: u32, layers: u32, columns: u32 }
#if BACK
@group(0) @binding(0) var<storage, read> d: array<f32>;
@group(0) @binding(1) var<storage, read> shares: array<f32>;
@group(0) @binding(2) var<storage, read_write> gradient: array<f32>;
#else
@group(0) @binding(0) var<storage, read> weights: array<f32>;
@group(0) @binding(1) var<storage, read_write> shares: array<f32>;
#endif
var<immediate> p: Params;

@compute @workgroup_size(16)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let run = linear_group(group, groups) * 16u + lane;
  if (run >= p.runs) { return; }
  let base = run * p.columns;
#if BACK
  var mean = 0.0;
  for (var l = 0u; l < p.layers; l++) { mean += shares[base + l] * d[base + l]; }
  for (var l = 0u; l < p.columns; l++) {
    gradient[base + l] = select(0.0, shares[base + l] * (d[base + l] - mean), l < p.layers);
  }
#else
  var top = weights[base];
  for (var l = 1u; l < p.layers; l++) { top = max(top, weights[base + l]); }
  var sum = 0.0;
  for (var l = 0u; l < p.layers; l++) { sum += exp(weights[base + l] - top); }
  for (var l = 0u; l < p.columns; l++) {
    shares[base + l] = select(0.0, exp(weights[base + l] - top) / sum, l < p.layers);
  }
#endif
}
