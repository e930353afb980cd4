// y = condition ? a : b with three-way NumPy broadcasting, over at most four merged axes (n1…n3: lengths but the outermost;
// c, a, b: strides of each operand, 0 along repeated axes), on elements of any 4-byte type. The condition holds where its
// bits under MASK are not all zero (MASK drops the sign of a float zero).
// QUAD 1: items are runs of four along the innermost axis; an operand that is contiguous there (C_VEC, A_VEC, B_VEC) is read as
// vec4 with strides in vec4s, one that repeats is read once and spread. QUAD 0: element by element.
#include "lib/index"
struct Params {
  count: u32,
  n1: u32, n2: u32, n3: u32,
  c0: u32, c1: u32, c2: u32, c3: u32,
  a0: u32, a1: u32, a2: u32, a3: u32,
  b0: u32, b1: u32, b2: u32, b3: u32,
}
#if QUAD
#define ITEM vec4<u32>
#else
#define ITEM u32
#endif
#if C_VEC
#define C_ITEM vec4<u32>
#else
#define C_ITEM u32
#endif
#if A_VEC
#define A_ITEM vec4<u32>
#else
#define A_ITEM u32
#endif
#if B_VEC
#define B_ITEM vec4<u32>
#else
#define B_ITEM u32
#endif
@group(0) @binding(0) var<storage, read> condition: array<C_ITEM>;
@group(0) @binding(1) var<storage, read> left: array<A_ITEM>;
@group(0) @binding(2) var<storage, read> right: array<B_ITEM>;
@group(0) @binding(3) var<storage, read_write> target_: array<ITEM>;
var<immediate> p: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let first = linear_group(group, groups) * 256u + lane;
  for (var k = 0u; k < 4u; k++) {
    let i = first + k * 64u;
    if (i < p.count) {
      var rest = i;
      let i3 = rest % p.n3; rest = rest / p.n3;
      let i2 = rest % p.n2; rest = rest / p.n2;
      let i1 = rest % p.n1; rest = rest / p.n1;
      let c = ITEM(condition[rest * p.c0 + i1 * p.c1 + i2 * p.c2 + i3 * p.c3]);
      let a = ITEM(left[rest * p.a0 + i1 * p.a1 + i2 * p.a2 + i3 * p.a3]);
      let b = ITEM(right[rest * p.b0 + i1 * p.b1 + i2 * p.b2 + i3 * p.b3]);
      target_[i] = select(b, a, (c & ITEM(MASK)) != ITEM(0u));
    }
  }
}
