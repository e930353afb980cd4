// y[o, i] = COMBINE over r of MAP(x[o, r, i]), finished by FINISH: sums and their kin over one axis of [outer, reduce, inner].
// One invocation for each result; the reduced axis is walked in order.
#include "lib/index"
struct Params { outer: u32, reduce: u32, inner: u32 }
@group(0) @binding(0) var<storage, read> source: array<f32>;
@group(0) @binding(1) var<storage, read_write> target_: array<f32>;
var<immediate> p: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = linear_group(group, groups) * 64u + lane;
  if (i >= p.outer * p.inner) { return; }
  let first = (i / p.inner) * p.reduce * p.inner + i % p.inner;
  var total = 0.0;
  for (var r = 0u; r < p.reduce; r++) {
    total += source[first + r * p.inner];
  }
  target_[i] = total;
}
