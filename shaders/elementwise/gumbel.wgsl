// Standard Gumbel noise, −ln(−ln u) with u uniform in (0, 1), four elements an item: u comes from two rounds of lib/hash over
// (key, position), so that a key gives the same noise on every adapter but for the last bits of its logarithms. The key stands in
// memory, where it may differ from run to run of a recorded program.
// u has 23 bits and keeps half a step from 0 and from 1. Near 1 a logarithm in f32 has no correct digit (WGSL allows an error of
// 2⁻²¹ there, which may even change its sign): below 1 − u = 1/16 its series is used, to 2·10⁻⁷ of the value.
// Padded to a multiple of 4. Grid as in elementwise/program.
#include "lib/index"
#include "lib/hash"
struct Params { count: u32, span: u32, first: u32 } // first: of a tensor's elements
@group(0) @binding(0) var<storage, read> keys: array<u32>;
@group(0) @binding(1) var<storage, read_write> target_: array<vec4<f32>>;
var<immediate> p: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let begin = linear_group(group, groups) * p.span;
  let end = min(begin + p.span, p.count);
  let key = vec4(keys[0]);
  let first = p.first;
  for (var i = begin + lane; i < end; i += 64u) {
    let bits = hash4(hash4(vec4(first + i * 4u) + vec4(0u, 1u, 2u, 3u)) ^ key);
    let u = (vec4<f32>(bits >> vec4(9u)) + 0.5) * (1.0 / 8388608.0);
    let rest = 1.0 - u;
    let series = rest * (1.0 + rest * (0.5 + rest * (1.0 / 3.0 + rest * (0.25 + rest * 0.2))));
    target_[i] = -log(select(-log(u), series, rest < vec4(0.0625)));
  }
}
