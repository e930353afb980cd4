// C = A·B with a tile of 4 × 8 results in the registers of each invocation, loads by vec4, and neither workgroup memory nor
// subgroups: for adapters without subgroups, and for results too thin for a workgroup's tile. 64 invocations: 32 rows × 64 columns.
// The 4×4 transpositions that a stored operand needs cost only names of registers.
// Measured as in matmul/subgroup: lavapipe 7 to 10 GFLOP/s, SwiftShader 1.9 to 2.8.
#include "matmul/operands"

@compute @workgroup_size(8, 8)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_id) local: vec3<u32>) {
  let place = place_of(linear_group(group, groups), 32u, 64u);
  if (place.z >= p.results) { return; }
  let row = (place.x * 8u + local.y) * 4u;
  let column = (place.y * 8u + local.x) * 8u;
  let matrix = place.z % p.batch;
#repeat e 4
#if TRANSPOSE_A
  let a_at##e = a_position(matrix, e##u, row);
#else
  let a_at##e = a_position(matrix, row + e##u, 0u);
#endif
#repeat h 2
#if TRANSPOSE_B
  let b_at##h##_##e = b_position(matrix, column + 4u * h##u + e##u, 0u);
#else
  let b_at##h##_##e = b_position(matrix, e##u, column + 4u * h##u);
#endif
  var sum##h##_##e = vec4(0.0);
#end
#end
  let quads = quads_of(place.z / p.batch);
  for (var quad = quads.x; quad < quads.y; quad++) {
#repeat e 4
    let a##e = read_a(a_at##e, quad);
#end
#repeat h 2
#repeat e 4
    let t##h##_##e = read_b(b_at##h##_##e, quad);
#end
#if TRANSPOSE_B
    let b##h##_0 = vec4(t##h##_0.x, t##h##_1.x, t##h##_2.x, t##h##_3.x);
    let b##h##_1 = vec4(t##h##_0.y, t##h##_1.y, t##h##_2.y, t##h##_3.y);
    let b##h##_2 = vec4(t##h##_0.z, t##h##_1.z, t##h##_2.z, t##h##_3.z);
    let b##h##_3 = vec4(t##h##_0.w, t##h##_1.w, t##h##_2.w, t##h##_3.w);
#else
#repeat e 4
    let b##h##_##e = t##h##_##e;
#end
#endif
#repeat e 4
#if TRANSPOSE_A
    sum##h##_##e += a0[e] * b##h##_0 + a1[e] * b##h##_1 + a2[e] * b##h##_2 + a3[e] * b##h##_3;
#else
    sum##h##_##e += a##e.x * b##h##_0 + a##e.y * b##h##_1 + a##e.z * b##h##_2 + a##e.w * b##h##_3;
#endif
#end
#end
  }
#repeat h 2
#repeat e 4
  store(place.z, row + e##u, column + 4u * h##u, sum##h##_##e);
#end
#end
}
