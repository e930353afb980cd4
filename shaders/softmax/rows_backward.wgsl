// Gradient of softmax/rows: dx = y·(g − Σ g·y), or g − eʸ·Σ g where LOG. All [rows, items]. One team a row.
diagnostic(off, subgroup_uniformity);
#include "lib/team"
struct Params { rows: u32, items: u32 }
@group(0) @binding(0) var<storage, read> upstream: array<ITEM>;
@group(0) @binding(1) var<storage, read> output: array<ITEM>;
@group(0) @binding(2) var<storage, read_write> target_: array<ITEM>;
var<immediate> p: Params;

@compute @workgroup_size(GROUP)
fn main(place: Place) {
  let team = team_at(place);
  for (var k = 0u; k < ROWS; k++) {
    let row = team.index * ROWS + k;
#if TEAM != 2
    if (row >= p.rows) { return; }
#endif
    let first = min(row, p.rows - 1u) * p.items;
    var part = ITEM(0.0);
    for (var i = team.lane; i < p.items; i += team.lanes) {
#if LOG
      part += upstream[first + i];
#else
      part += upstream[first + i] * output[first + i];
#endif
    }
    let total = team_sum(item_sum(part));
    let end = select(0u, p.items, row < p.rows);
    for (var i = team.lane; i < end; i += team.lanes) {
      let g = upstream[first + i];
      let y = output[first + i];
#if LOG
      target_[first + i] = g - exp(y) * total;
#else
      target_[first + i] = y * (g - total);
#endif
    }
  }
}
