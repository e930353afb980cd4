// dx[row, indices[row, j]] = g[row, j], in memory that was zeroed: the gradient of topk. No index occurs twice in a row.
#include "lib/index"
struct Params { count: u32, n: u32, k: u32 }
@group(0) @binding(0) var<storage, read> upstream: array<f32>;
@group(0) @binding(1) var<storage, read> indices: array<i32>;
@group(0) @binding(2) var<storage, read_write> target_: array<f32>;
var<immediate> p: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = linear_group(group, groups) * 64u + lane;
  if (i < p.count) { target_[(i / p.k) * p.n + u32(indices[i])] = upstream[i]; }
}
