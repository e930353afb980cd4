// Gradient of layer_norm by its input: with x̂ = (x − mean)·rstd and h = g·weight,
// dx = rstd·(h − mean(h) − x̂·mean(h·x̂)), means over the row. Shapes as in norm/layer_norm. One team a row.
// Measured, least of many runs on two cores that others used too; CPU time of both cores in brackets:
//   forward and all of backward, 4096 × 256: lavapipe 9.0 ms (11.5); SwiftShader 146 ms (78)
diagnostic(off, subgroup_uniformity);
#include "lib/team"
struct Params { rows: u32, items: u32, scale: f32 }
@group(0) @binding(0) var<storage, read> upstream: array<ITEM>;
@group(0) @binding(1) var<storage, read> source: array<ITEM>;
@group(0) @binding(2) var<storage, read> weight: array<ITEM>;
@group(0) @binding(3) var<storage, read> stats: array<vec2<f32>>;
@group(0) @binding(4) var<storage, read_write> target_: array<ITEM>;
var<immediate> p: Params;

@compute @workgroup_size(GROUP)
fn main(place: Place) {
  let team = team_at(place);
  for (var k = 0u; k < ROWS; k++) {
    let row = team.index * ROWS + k;
#if TEAM != 2
    if (row >= p.rows) { return; }
#endif
    let kept = min(row, p.rows - 1u);
    let first = kept * p.items;
    let mean = stats[kept].x;
    let rstd = stats[kept].y;
    var plain = ITEM(0.0);
    var along = ITEM(0.0);
    for (var i = team.lane; i < p.items; i += team.lanes) {
#if HAS_WEIGHT
      let h = upstream[first + i] * weight[i];
#else
      let h = upstream[first + i];
#endif
      plain += h;
      along += h * (source[first + i] - mean);
    }
    let sums = team_sum2(vec2(item_sum(plain), item_sum(along)));
    let shift = sums.x * p.scale;
    let slope = sums.y * p.scale * rstd * rstd;
    let end = select(0u, p.items, row < p.rows);
    for (var i = team.lane; i < end; i += team.lanes) {
#if HAS_WEIGHT
      let h = upstream[first + i] * weight[i];
#else
      let h = upstream[first + i];
#endif
      target_[first + i] = rstd * (h - shift - (source[first + i] - mean) * slope);
    }
  }
}
