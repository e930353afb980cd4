// y = EXPR(x), element by element; EXPR is a WGSL expression in the vec4 `x` and the parameters `p.a` and `p.b`.
// x, y: the same number of elements, padded to a multiple of 4. Each invocation does four vec4, a workgroup apart, so
// that loads stay contiguous across lanes and the launch of a subgroup is paid once for 16 elements.
#include "lib/index"
#include "lib/erf"
#include "lib/power"
struct Params { count: u32, a: f32, b: f32 }
@group(0) @binding(0) var<storage, read> source: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> target_: array<vec4<f32>>;
var<immediate> p: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let first = linear_group(group, groups) * 256u + lane;
  for (var k = 0u; k < 4u; k++) {
    let i = first + k * 64u;
    if (i < p.count) {
      let x = source[i];
      target_[i] = EXPR;
    }
  }
}
