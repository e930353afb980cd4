// average = decay·average + (1 - decay)·value: the exponential moving average of a parameter arena, vec4 by vec4. The decay stands in
// memory, where it may differ from run to run of a recorded program. Where clip[0] is not finite nothing is done: by its bits, as in
// optim/update. Grid as in elementwise/program.
#include "lib/index"
struct Params { count: u32, span: u32 }
@group(0) @binding(0) var<storage, read> value: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> clip: array<f32>;
@group(0) @binding(2) var<storage, read> changing: array<f32>;
@group(0) @binding(3) var<storage, read_write> average: array<vec4<f32>>;
var<immediate> p: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let begin = linear_group(group, groups) * p.span;
  let end = min(begin + p.span, p.count);
  let decay = changing[0];
  if ((bitcast<u32>(clip[0]) & 0x7f800000u) == 0x7f800000u) { return; }
  for (var i = begin + lane; i < end; i += 64u) {
    average[i] = decay * average[i] + (1.0 - decay) * value[i];
  }
}
