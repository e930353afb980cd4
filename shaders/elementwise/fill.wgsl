// target = one 4-byte value everywhere, given as its bits. Padded to a multiple of 4. Grid as in elementwise/program.
#include "lib/index"
struct Params { count: u32, span: u32, bits: u32 }
@group(0) @binding(0) var<storage, read_write> target_: array<vec4<u32>>;
var<immediate> p: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let begin = linear_group(group, groups) * p.span;
  let end = min(begin + p.span, p.count);
  let value = vec4(p.bits);
  for (var i = begin + lane; i < end; i += 64u) { target_[i] = value; }
}
