// The gradient of each run's mean loss with respect to its scores, in place: z [runs, rows, quads] of vec4 examples, `classes` of the rows
// used and the others set to zero. KIND 0: softmax cross entropy, targets [examples] of class numbers; 1: sigmoid cross entropy;
// 2: squared error; targets [examples, classes] for both. now as in probe/draw: rows that are not there get no gradient.
// One item does four examples of one run.
#include "lib/index"
struct Params { count: u32, quads: u32, rows: u32, classes: u32 }
#if KIND == 0
#define TARGET u32
#else
#define TARGET f32
#endif
@group(0) @binding(0) var<storage, read> now: array<u32>;
@group(0) @binding(1) var<storage, read> targets: array<TARGET>;
@group(0) @binding(2) var<storage, read_write> z: array<vec4<f32>>;
var<immediate> p: Params;

@compute @workgroup_size(WIDTH)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = linear_group(group, groups) * u32(WIDTH) + lane;
  if (i >= p.count) { return; }
  let quad = i % p.quads;
  let first = i / p.quads * p.rows * p.quads + quad;
  let at = 8u + 4u * quad;
  let index = vec4(now[at], now[at + 1u], now[at + 2u], now[at + 3u]);
  let there = index != vec4(0xffffffffu);
  let known = select(vec4(0u), index, there);
  let share = select(vec4(0.0), vec4(bitcast<f32>(now[2])), there);
#if KIND == 0
  let label = vec4(targets[known.x], targets[known.y], targets[known.z], targets[known.w]);
  var top = z[first];
  for (var k = 1u; k < p.classes; k++) { top = max(top, z[first + k * p.quads]); }
  var sum = vec4(0.0);
  for (var k = 0u; k < p.classes; k++) { sum += exp(z[first + k * p.quads] - top); }
  for (var k = 0u; k < p.classes; k++) {
    let hit = select(vec4(0.0), vec4(1.0), label == vec4(k));
    z[first + k * p.quads] = select(vec4(0.0), (exp(z[first + k * p.quads] - top) / sum - hit) * share, there);
  }
#else
  let base = known * p.classes;
  let each = share / f32(p.classes);
  for (var k = 0u; k < p.classes; k++) {
    let y = vec4(targets[base.x + k], targets[base.y + k], targets[base.z + k], targets[base.w + k]);
    let score = z[first + k * p.quads];
#if KIND == 1
    let gradient = (1.0 / (1.0 + exp(-score)) - y) * each;
#else
    let gradient = 2.0 * (score - y) * each;
#endif
    z[first + k * p.quads] = select(vec4(0.0), gradient, there);
  }
#endif
  for (var k = p.classes; k < p.rows; k++) { z[first + k * p.quads] = vec4(0.0); }
}
