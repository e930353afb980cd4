// The gradient through probe/activate, in place: d·scale where the activation a is positive, else 0; and 0 in the units from p.live on,
// whose weights stay as they are. a and d: [runs, units, quads] of vec4 examples; scales: one of each variant.
#include "lib/index"
struct Params { count: u32, span: u32, quads: u32, units: u32, live: u32, each: u32 }
@group(0) @binding(0) var<storage, read> a: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> scales: array<f32>;
@group(0) @binding(2) var<storage, read_write> d: array<vec4<f32>>;
var<immediate> p: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let begin = linear_group(group, groups) * p.span;
  let end = min(begin + p.span, p.count);
  for (var i = begin + lane; i < end; i += 64u) {
    let unit = i / p.quads;
    let scale = select(0.0, scales[unit / p.units / p.each], unit % p.units < p.live);
    d[i] = select(vec4(0.0), d[i] * scale, a[i] > vec4(0.0));
  }
}
