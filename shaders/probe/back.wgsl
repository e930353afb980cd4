// The gradient of the hidden layer, through the output's weights, dropout and ReLU: d[run, unit, ·] = scale·Σ_k w[run, k, unit]·dz[run, k, ·]
// where the activation a is positive, else 0; and 0 in the units from p.live on, whose weights stay as they are. a and d: [runs,
// units, quads] of vec4 examples, w: [runs, rows, units / 4] of vec4, dz: [runs, rows, quads]; scales: one of each variant. An item
// does four units of four quads, so that five loads serve 64 results. It took the place of a product followed by a pass over its
// result.
#include "lib/index"
struct Params { count: u32, quads: u32, units: u32, rows: u32, classes: u32, live: u32, each: u32 }
@group(0) @binding(0) var<storage, read> a: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> w: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> dz: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> scales: array<f32>;
@group(0) @binding(4) var<storage, read_write> d: array<vec4<f32>>;
var<immediate> p: Params;

@compute @workgroup_size(WIDTH)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = linear_group(group, groups) * u32(WIDTH) + lane;
  if (i >= p.count) { return; }
  let parts = (p.quads + 3u) / 4u;
  let fours = p.units / 4u;
  let four = i / parts % fours;
  let run = i / parts / fours;
  let quad = i % parts * 4u;
  let last = p.quads - 1u;
#repeat e 4
#repeat j 4
  var sum##e##_##j = vec4(0.0);
#end
#end
  for (var k = 0u; k < p.classes; k++) {
    let weight = w[(run * p.rows + k) * fours + four];
    let row = (run * p.rows + k) * p.quads;
#repeat j 4
    let x##j = dz[row + min(quad + j##u, last)];
#end
#repeat e 4
#repeat j 4
    sum##e##_##j += weight[e] * x##j;
#end
#end
  }
  let scale = scales[run / p.each];
  let base = (run * p.units + 4u * four) * p.quads + quad;
#repeat e 4
  {
    let kept = select(0.0, scale, 4u * four + e##u < p.live);
#repeat j 4
    if (quad + j##u <= last) {
      let at = base + e##u * p.quads + j##u;
      d[at] = select(vec4(0.0), sum##e##_##j * kept, a[at] > vec4(0.0));
    }
#end
  }
#end
}
