// The place of the largest element along the middle axis of [outer, reduce, inner], the first of equal ones; a NaN is larger than
// all else (lib/order). One invocation a column and part; parts interleave (part, part + parts, …), so that lanes read neighbours where inner is 1. values,
// indices: [outer, parts, inner]. Where there are several parts a second launch, INDEXED, reduces those pairs.
// Measured, least of many runs on two cores that others used too; CPU time of both cores in brackets:
//   one row of 1M: lavapipe 2.5 ms (3.6); SwiftShader 17 ms (18)
#include "lib/index"
#include "lib/order"
struct Params { count: u32, reduce: u32, inner: u32, parts: u32 }
@group(0) @binding(0) var<storage, read> source: array<u32>;
@group(0) @binding(1) var<storage, read> places: array<i32>;
@group(0) @binding(2) var<storage, read_write> values: array<u32>;
@group(0) @binding(3) var<storage, read_write> indices: array<i32>;
var<immediate> p: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let at = linear_group(group, groups) * 64u + lane;
  if (at >= p.count) { return; }
  let part = (at / p.inner) % p.parts;
  let first = (at / (p.inner * p.parts)) * p.reduce * p.inner + at % p.inner;
  var best = 0u;
  var place = -1;
  for (var r = part; r < p.reduce; r += p.parts) {
    let i = first + r * p.inner;
    let x = place_key_of(source[i]);
#if INDEXED
    let index = places[i];
#else
    let index = i32(r);
#endif
    if (place < 0 || x > best || (x == best && index < place)) {
      best = x;
      place = index;
    }
  }
  values[at] = bits_of(best);
  indices[at] = place;
}
