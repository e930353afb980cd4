// y[i] = x[i] as another type, by vec4: FROM and TO are scalar types of WGSL. The tail is safe because memory is padded. Grid as
// in elementwise/program.
#include "lib/index"
struct Params { count: u32, span: u32 }
@group(0) @binding(0) var<storage, read> x: array<vec4<FROM>>;
@group(0) @binding(1) var<storage, read_write> y: array<vec4<TO>>;
var<immediate> p: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let begin = linear_group(group, groups) * p.span;
  let end = min(begin + p.span, p.count);
  for (var i = begin + lane; i < end; i += 64u) { y[i] = vec4<TO>(x[i]); }
}
