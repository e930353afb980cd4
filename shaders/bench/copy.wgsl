// The memory ceiling: a plain copy of vec4s. A workgroup of 64 takes `span` of them, each invocation every 64th; the bench tries
// several spans and keeps the fastest for each size. The loop matters on software adapters, where launching a subgroup costs as
// much as two loads. Measured over 64 MiB, GB per second of processor time: lavapipe 2.0 with one vec4 an invocation, 4.1 with 16 to
// 32 (unrolled by four 2.0); SwiftShader 0.5 and 1.0.
#include "lib/index"
struct Params { count: u32, span: u32 }
@group(0) @binding(0) var<storage, read> source: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> target_: array<vec4<f32>>;
var<immediate> p: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let begin = linear_group(group, groups) * p.span;
  let end = min(begin + p.span, p.count);
  for (var i = begin + lane; i < end; i += 64u) { target_[i] = source[i]; }
}
