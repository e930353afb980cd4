// The input of every head of a step: x[variant, row, ·] = features[source, index[row], ·]·keep/(1 - p). A variant is a source (features as
// they are, or standardised) with a dropout rate. The draws depend on the step and the place alone, so that a rate drops, of all
// variants, the elements that a lower one drops and more, and a run's input is the same in whatever company it is trained.
// features: [sources, examples, quads] of vec4; the columns from p.features on (a one for the bias, then zeros) are never dropped.
// now: 0 key of this step's draws, 2 one over the batch's size, 8… index of each row, ~0 for a row that is not there, which is zero.
// variants: source, threshold and scale. One item draws for all variants.
#include "lib/index"
#include "lib/hash"
struct Params { count: u32, quads: u32, features: u32, variants: u32, examples: u32 }
@group(0) @binding(0) var<storage, read> features: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> now: array<u32>;
@group(0) @binding(2) var<storage, read> variants: array<vec4<u32>>;
@group(0) @binding(3) var<storage, read_write> x: array<vec4<f32>>;
var<immediate> p: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = linear_group(group, groups) * 64u + lane;
  if (i >= p.count) { return; }
  let column = i % p.quads * 4u + vec4(0u, 1u, 2u, 3u);
  let index = now[8u + i / p.quads];
  let drawn = hash4(hash4(vec4(i * 4u) + vec4(0u, 1u, 2u, 3u)) ^ vec4(now[0]));
  for (var v = 0u; v < p.variants; v++) {
    let variant = variants[v];
    var value = vec4(0.0);
    if (index != 0xffffffffu) {
      let whole = features[(variant.x * p.examples + index) * p.quads + i % p.quads];
      let dropped = select(vec4(0.0), whole * bitcast<f32>(variant.z), drawn >= vec4(variant.y));
      value = select(whole, dropped, column < vec4(p.features));
    }
    x[v * p.count + i] = value;
  }
}
