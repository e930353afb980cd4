// Rows by a table: y[r] = x[table[r]], or zeros where table[r] is negative. Width in elements; VEC 1 when it is a multiple
// of 4. With a table of row numbers it selects; with the inverse table it puts selected rows back (its gradient).
#include "lib/index"
struct Params { rows: u32, width: u32 }
#if VEC
#define ITEM vec4<f32>
#else
#define ITEM f32
#endif
@group(0) @binding(0) var<storage, read> source: array<ITEM>;
@group(0) @binding(1) var<storage, read> table: array<i32>;
@group(0) @binding(2) var<storage, read_write> target_: array<ITEM>;
var<immediate> p: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let first = linear_group(group, groups) * 256u + lane;
  let count = p.rows * p.width;
  for (var k = 0u; k < 4u; k++) {
    let i = first + k * 64u;
    if (i < count) {
      let row = table[i / p.width];
      var value = ITEM();
      if (row >= 0) { value = source[u32(row) * p.width + i % p.width]; }
      target_[i] = value;
    }
  }
}
