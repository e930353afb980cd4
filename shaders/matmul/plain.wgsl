// C = A·B, one result an invocation: for tiny products, and what the fast kernels are measured against. Operands and epilogue
// as in matmul/operands, with VEC4 0.
// Measured as in matmul/subgroup, 512³: lavapipe 1.4 GFLOP/s, SwiftShader 0.2.
#include "matmul/operands"

@compute @workgroup_size(8, 8)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_id) local: vec3<u32>) {
  let place = place_of(linear_group(group, groups), 8u, 8u);
  let row = place.x * 8u + local.y;
  let column = place.y * 8u + local.x;
  if (place.z >= p.results || row >= p.m || column >= p.n) { return; }
  let matrix = place.z % p.batch;
  let quads = quads_of(place.z / p.batch);
  var sum = 0.0;
  for (var k = 4u * quads.x; k < min(4u * quads.y, p.k); k++) {
#if TRANSPOSE_A
    let left = a[matrix * p.a_batch + k * p.m + row];
#else
    let left = a[matrix * p.a_batch + row * p.k + k];
#endif
#if TRANSPOSE_B
    let right = b[matrix * p.b_batch + column * p.k + k];
#else
    let right = b[matrix * p.b_batch + k * p.n + column];
#endif
    sum += f32(left) * f32(right);
  }
  store_one(place.z, row, column, sum);
}
