// partial[c] = Σ g² over chunk c of the gradient arena: the first half of the global gradient norm. One workgroup of 64 a
// chunk of at most 1024 elements; padding between parameters is not read.
#include "lib/index"
struct Params { chunks: u32 }
@group(0) @binding(0) var<storage, read> chunks: array<vec2<u32>>;
@group(0) @binding(1) var<storage, read> gradient: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> partial: array<f32>;
var<immediate> p: Params;
var<workgroup> lanes: array<f32, 64>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let c = linear_group(group, groups);
  if (c >= p.chunks) { return; }
  let chunk = chunks[c];
  var total = vec4(0.0);
  for (var k = 0u; k < 4u; k++) {
    let item = (k * 64u + lane) * 4u;
    if (item < chunk.y) {
      let g = gradient[(chunk.x + item) / 4u];
      let left = vec4(chunk.y - item);
      let inside = vec4(0u, 1u, 2u, 3u) < left;
      total += select(vec4(0.0), g * g, inside);
    }
  }
  lanes[lane] = (total.x + total.y) + (total.z + total.w);
  workgroupBarrier();
  if (lane < 8u) {
    var sum = 0.0;
    for (var k = 0u; k < 8u; k++) { sum += lanes[lane * 8u + k]; }
    lanes[lane * 8u] = sum;
  }
  workgroupBarrier();
  if (lane == 0u) {
    var sum = 0.0;
    for (var k = 0u; k < 8u; k++) { sum += lanes[k * 8u]; }
    partial[c] = sum;
  }
}
