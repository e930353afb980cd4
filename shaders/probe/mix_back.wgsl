// The gradient of the layers' shares: d[run, l] = Σ_row Σ_column dx[run, row, column]·features[l, index[row], column] over the columns below
// p.features, and zero in the padding. dx: [runs, p.rows, quads] of vec4, features and now as in probe/mix; d: [runs, p.columns]. A
// workgroup makes one number, in an order that depends on nothing but the sizes.
#include "lib/index"
struct Params { results: u32, quads: u32, features: u32, rows: u32, examples: u32, layers: u32, columns: u32 }
@group(0) @binding(0) var<storage, read> dx: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> features: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> now: array<u32>;
@group(0) @binding(3) var<storage, read_write> d: array<f32>;
var<immediate> p: Params;
var<workgroup> parts: array<f32, WIDTH>;

@compute @workgroup_size(WIDTH)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let wanted = linear_group(group, groups);
  let result = min(wanted, p.results - 1u);
  let l = result % p.columns;
  let run = result / p.columns;
  var part = 0.0;
  if (l < p.layers) {
    for (var i = lane; i < p.rows * p.quads; i += u32(WIDTH)) {
      let quad = i % p.quads;
      let index = now[8u + i / p.quads];
      if (index != 0xffffffffu) {
        let x = features[(l * p.examples + index) * p.quads + quad];
        let counted = quad * 4u + vec4(0u, 1u, 2u, 3u) < vec4(p.features);
        part += dot(dx[run * p.rows * p.quads + i], select(vec4(0.0), x, counted));
      }
    }
  }
  parts[lane] = part;
  workgroupBarrier();
  if (lane == 0u && wanted < p.results) {
    var sum = 0.0;
    for (var k = 0u; k < u32(WIDTH); k++) { sum += parts[k]; }
    d[result] = sum;
  }
}
