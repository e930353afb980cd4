// c[i] = Σ over slices of parts[slice, i] (+ c[i] when ACCUMULATE), in order, by vec4: ends a product whose summed axis was cut.
// C_TYPE: how C is stored.
// `count` vec4s a slice; where a slice is not a multiple of 4 elements (VEC4 0) `count` elements, one by one.
#include "lib/index"
#if VEC4
#define ITEM vec4<f32>
#define C_ITEM vec4<C_TYPE>
#else
#define ITEM f32
#define C_ITEM C_TYPE
#endif
struct Params { count: u32, slices: u32 }
@group(0) @binding(0) var<storage, read> parts: array<ITEM>;
@group(0) @binding(1) var<storage, read_write> c: array<C_ITEM>;
var<immediate> p: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = linear_group(group, groups) * 64u + lane;
  if (i >= p.count) { return; }
#if ACCUMULATE
  var total = ITEM(c[i]);
#else
  var total = ITEM(0.0);
#endif
  for (var slice = 0u; slice < p.slices; slice++) { total += parts[slice * p.count + i]; }
  c[i] = C_ITEM(total);
}
