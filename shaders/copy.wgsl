// Strided walks over at most six merged axes (n1…n5: lengths but the outermost; s0…s5: strides, may be negative; `start`:
// first element), on elements of any 4-byte type.
// PLACE 0: target[linear] = source[strided]: permute, slice, broadcast and every other rearrangement of the source.
// PLACE 1: target[strided] = source[linear]: the reverse, for concat, pad and the gradients of slices.
// VEC 1: the innermost axis is contiguous on both sides and a multiple of 4; lengths and strides are then in vec4s.
#include "lib/index"
struct Params {
  count: u32, start: i32,
  n1: u32, n2: u32, n3: u32, n4: u32, n5: u32,
  s0: i32, s1: i32, s2: i32, s3: i32, s4: i32, s5: i32,
}
#if VEC
#define ITEM vec4<u32>
#else
#define ITEM u32
#endif
@group(0) @binding(0) var<storage, read> source: array<ITEM>;
@group(0) @binding(1) var<storage, read_write> target_: array<ITEM>;
var<immediate> p: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let first = linear_group(group, groups) * 256u + lane;
  for (var k = 0u; k < 4u; k++) {
    let i = first + k * 64u;
    if (i < p.count) {
      var rest = i;
      let i5 = i32(rest % p.n5); rest = rest / p.n5;
      let i4 = i32(rest % p.n4); rest = rest / p.n4;
      let i3 = i32(rest % p.n3); rest = rest / p.n3;
      let i2 = i32(rest % p.n2); rest = rest / p.n2;
      let i1 = i32(rest % p.n1); rest = rest / p.n1;
      let at = u32(p.start + i32(rest) * p.s0 + i1 * p.s1 + i2 * p.s2 + i3 * p.s3 + i4 * p.s4 + i5 * p.s5);
#if PLACE
      target_[at] = source[i];
#else
      target_[i] = source[at];
#endif
    }
  }
}
