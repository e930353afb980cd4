// Ends a product whose summed axis was cut: C = Σ over slices of parts[slice, batch, M, N], in order, and then the scale and the epilogue
// of matmul/operands, whose A is `parts` here (bound as B too). One quad of neighbours an invocation where N is a multiple of 4
// (VEC4), else one element. `count` of these a slice.
#include "matmul/operands"

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = linear_group(group, groups) * 64u + lane;
#if VEC4
  let first = 4u * i;
  let count = p.batch * p.m * p.n / 4u;
#else
  let first = i;
  let count = p.batch * p.m * p.n;
#endif
  if (i >= count) { return; }
  var total = a[i];
  for (var slice = 1u; slice < p.results; slice++) { total += a[slice * count + i]; }
  let row = first / p.n;
#if VEC4
  store(0u, row, first % p.n, total);
#else
  store_one(0u, row, first % p.n, total);
#endif
}
