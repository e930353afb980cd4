// y = EXPR(a, b) with NumPy broadcasting; EXPR is a WGSL expression in `a` and `b`, of type vec4<f32> or f32.
// LAYOUT 0: both operands have the result's shape; A_ONE / B_ONE: that operand is a single number.
// LAYOUT 1: one operand repeats with a period that is a multiple of 4 (a bias along the last axes); A_PERIOD tells which.
// LAYOUT 2: any broadcast, scalar by scalar, over at most five merged axes (n1…n4: lengths but the outermost).
// Layouts 0 and 1 move vec4s, four to an invocation, as elementwise/unary does.
#include "lib/index"
struct Params {
  count: u32,
#if LAYOUT == 1
  period: u32,
#elif LAYOUT == 2
  n1: u32, n2: u32, n3: u32, n4: u32,
  a0: u32, a1: u32, a2: u32, a3: u32, a4: u32,
  b0: u32, b1: u32, b2: u32, b3: u32, b4: u32,
#endif
}
#if LAYOUT == 2
#define ITEM f32
#else
#define ITEM vec4<f32>
#endif
@group(0) @binding(0) var<storage, read> left: array<ITEM>;
@group(0) @binding(1) var<storage, read> right: array<ITEM>;
@group(0) @binding(2) var<storage, read_write> target_: array<ITEM>;
var<immediate> p: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let first = linear_group(group, groups) * 256u + lane;
  for (var k = 0u; k < 4u; k++) {
    let i = first + k * 64u;
    if (i < p.count) {
#if LAYOUT == 0
#if A_ONE
      let a = vec4(left[0].x);
#else
      let a = left[i];
#endif
#if B_ONE
      let b = vec4(right[0].x);
#else
      let b = right[i];
#endif
#elif LAYOUT == 1
#if A_PERIOD
      let a = left[i % p.period];
      let b = right[i];
#else
      let a = left[i];
      let b = right[i % p.period];
#endif
#else
      var rest = i;
      let i4 = rest % p.n4; rest = rest / p.n4;
      let i3 = rest % p.n3; rest = rest / p.n3;
      let i2 = rest % p.n2; rest = rest / p.n2;
      let i1 = rest % p.n1; rest = rest / p.n1;
      let a = left[rest * p.a0 + i1 * p.a1 + i2 * p.a2 + i3 * p.a3 + i4 * p.a4];
      let b = right[rest * p.b0 + i1 * p.b1 + i2 * p.b2 + i3 * p.b3 + i4 * p.b4];
#endif
      target_[i] = EXPR;
    }
  }
}
