// target[slot] = source[from[slot]] by blocks of p.quads vec4, one a run. Where `from` is negative the target keeps what it has, or
// becomes zero (CLEAR 1). Grid as in elementwise/program.
#include "lib/index"
struct Params { count: u32, span: u32, quads: u32 }
@group(0) @binding(0) var<storage, read> source: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> places: array<i32>;
@group(0) @binding(2) var<storage, read_write> target_: array<vec4<f32>>;
var<immediate> p: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let begin = linear_group(group, groups) * p.span;
  let end = min(begin + p.span, p.count);
  for (var i = begin + lane; i < end; i += 64u) {
    let place = places[i / p.quads];
    if (place >= 0) { target_[i] = source[u32(place) * p.quads + i % p.quads]; }
#if CLEAR
    else { target_[i] = vec4(0.0); }
#endif
  }
}
