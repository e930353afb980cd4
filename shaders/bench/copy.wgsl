// The memory ceiling: a plain copy of vec4s, EACH of them an invocation, a workgroup apart.
#include "lib/index"
struct Params { count: u32 }
@group(0) @binding(0) var<storage, read> source: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> target_: array<vec4<f32>>;
var<immediate> p: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let first = linear_group(group, groups) * (EACH * 64u) + lane;
#repeat k EACH
  {
    let i = first + k##u * 64u;
    if (i < p.count) { target_[i] = source[i]; }
  }
#end
}
