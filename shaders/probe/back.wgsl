// The gradient of the hidden layer, through the output's weights, dropout and ReLU: d[run, unit, ·] = scale·Σ_k w[run, k, unit]·dz[run, k, ·]
// where the activation a is positive, else 0; and 0 in the units from p.live on, whose weights stay as they are. a and d: [runs,
// units, quads] of vec4 examples, w: [runs, rows, units], dz: [runs, rows, quads]; scales: one of each variant. An item does
// four quads of one unit, so that a weight is loaded once for 16 examples. It took the place of a product followed by a pass over its
// result: with 10 classes a training step of 54 heads of 512 units lost a tenth of its time on lavapipe.
#include "lib/index"
struct Params { count: u32, quads: u32, units: u32, rows: u32, classes: u32, live: u32, each: u32 }
@group(0) @binding(0) var<storage, read> a: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> w: array<f32>;
@group(0) @binding(2) var<storage, read> dz: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> scales: array<f32>;
@group(0) @binding(4) var<storage, read_write> d: array<vec4<f32>>;
var<immediate> p: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = linear_group(group, groups) * 64u + lane;
  if (i >= p.count) { return; }
  let parts = (p.quads + 3u) / 4u;
  let unit = i / parts % p.units;
  let run = i / parts / p.units;
  let quad = i % parts * 4u;
  let last = p.quads - 1u;
#repeat j 4
  var sum##j = vec4(0.0);
#end
  if (unit < p.live) {
    for (var k = 0u; k < p.classes; k++) {
      let weight = w[(run * p.rows + k) * p.units + unit];
      let row = (run * p.rows + k) * p.quads;
#repeat j 4
      sum##j += weight * dz[row + min(quad + j##u, last)];
#end
    }
  }
  let scale = scales[run / p.each];
  let base = (run * p.units + unit) * p.quads;
#repeat j 4
  if (quad + j##u <= last) {
    let at = base + quad + j##u;
    d[at] = select(vec4(0.0), sum##j * scale, a[at] > vec4(0.0));
  }
#end
}
