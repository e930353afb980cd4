// gradient *= clip[1], over the arena: clipping apart from an optimiser step. Grid and chunks as in optim/update.
#include "lib/index"
struct Params { chunks: u32 }
@group(0) @binding(0) var<storage, read> chunks: array<vec2<u32>>;
@group(0) @binding(1) var<storage, read> clip: array<f32>;
@group(0) @binding(2) var<storage, read_write> gradient: array<vec4<f32>>;
var<immediate> p: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let c = linear_group(group, groups);
  if (c >= p.chunks) { return; }
  let chunk = chunks[c];
  for (var k = 0u; k < 4u; k++) {
    let item = (k * 64u + lane) * 4u;
    if (item < chunk.y) { gradient[(chunk.x + item) / 4u] *= clip[1]; }
  }
}
