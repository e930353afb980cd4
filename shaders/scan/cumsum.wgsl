// Running sums along the middle axis. x, y: [outer, reduce, inner]. One invocation walks `chunk` places of one column;
// columns fastest, then runs. Long axes take three launches, so that neither the walk nor the chain of additions is long:
// the sum of every run (TOTALS), the running sums of those (this kernel again, EXCLUSIVE), and each run from its start
// (OFFSET). REVERSE runs from the far end.
// Measured, least of many runs on two cores that others used too; CPU time of both cores in brackets:
//   one row of 1M: lavapipe 3.0 ms (6.6); SwiftShader 20 ms (22)
#include "lib/index"
struct Params { count: u32, reduce: u32, inner: u32, parts: u32, chunk: u32 }
@group(0) @binding(0) var<storage, read> source: array<f32>;
@group(0) @binding(1) var<storage, read> offsets: array<f32>;
@group(0) @binding(2) var<storage, read_write> target_: array<f32>;
var<immediate> p: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let at = linear_group(group, groups) * 64u + lane;
  if (at >= p.count) { return; }
  let part = (at / p.inner) % p.parts;
  let first = (at / (p.inner * p.parts)) * p.reduce * p.inner + at % p.inner;
  let end = min(p.reduce, (part + 1u) * p.chunk);
#if OFFSET
  var total = offsets[at];
#else
  var total = 0.0;
#endif
  for (var r = part * p.chunk; r < end; r++) {
#if REVERSE
    let i = first + (p.reduce - 1u - r) * p.inner;
#else
    let i = first + r * p.inner;
#endif
    let x = source[i];
#if EXCLUSIVE
    target_[i] = total;
    total += x;
#else
    total += x;
#if !TOTALS
    target_[i] = total;
#endif
#endif
  }
#if TOTALS
  target_[at] = total;
#endif
}
