// Running sums along the middle axis. x, y: [outer, reduce, inner]. One invocation walks `chunk` places of one column;
// columns fastest, then runs. Long axes take three launches, so that neither the walk nor the chain of additions is long:
// the sum of every run (TOTALS), the running sums of those (this kernel again, EXCLUSIVE), and each run from its start
// (OFFSET). REVERSE runs from the far end.
// VEC 1: inner is 1 and rows and runs are multiples of 4: lengths are in vec4s, a quarter of the loads and stores.
// Measured, least of many runs on two cores that others used too; CPU time of both cores in brackets:
//   one row of 1M: lavapipe 3.0 ms (6.6); SwiftShader 20 ms (22)
#include "lib/index"
struct Params { count: u32, reduce: u32, inner: u32, parts: u32, chunk: u32 }
#if VEC
#define ITEM vec4<f32>
#else
#define ITEM f32
#endif
@group(0) @binding(0) var<storage, read> source: array<ITEM>;
@group(0) @binding(1) var<storage, read> offsets: array<f32>;
#if TOTALS
@group(0) @binding(2) var<storage, read_write> target_: array<f32>;
#else
@group(0) @binding(2) var<storage, read_write> target_: array<ITEM>;
#endif
var<immediate> p: Params;

/// The sums up to each element of an item, in the order of the walk, and the last of them.
struct Sums { each: ITEM, last: f32 }
fn sums_of(x: ITEM, before: f32) -> Sums {
#if VEC && REVERSE
  let d = before + x.w;
  let c = d + x.z;
  let b = c + x.y;
  let a = b + x.x;
#if EXCLUSIVE
  return Sums(vec4(b, c, d, before), a);
#else
  return Sums(vec4(a, b, c, d), a);
#endif
#elif VEC
  let a = before + x.x;
  let b = a + x.y;
  let c = b + x.z;
  let d = c + x.w;
#if EXCLUSIVE
  return Sums(vec4(before, a, b, c), d);
#else
  return Sums(vec4(a, b, c, d), d);
#endif
#elif EXCLUSIVE
  return Sums(before, before + x);
#else
  return Sums(before + x, before + x);
#endif
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let at = linear_group(group, groups) * 64u + lane;
  if (at >= p.count) { return; }
  let inner = p.inner;
  let reduce = p.reduce;
  let part = (at / inner) % p.parts;
  let first = (at / (inner * p.parts)) * reduce * inner + at % inner;
  let end = min(reduce, (part + 1u) * p.chunk);
#if OFFSET
  var total = offsets[at];
#else
  var total = 0.0;
#endif
  for (var r = part * p.chunk; r < end; r++) {
#if REVERSE
    let i = first + (reduce - 1u - r) * inner;
#else
    let i = first + r * inner;
#endif
    let sums = sums_of(source[i], total);
    total = sums.last;
#if !TOTALS
    target_[i] = sums.each;
#endif
  }
#if TOTALS
  target_[at] = total;
#endif
}
