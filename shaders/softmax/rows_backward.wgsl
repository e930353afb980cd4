// Gradient of softmax/rows: dx = y·(g − Σ g·y), or g − eʸ·Σ g where LOG. All [rows, items]. One team a row.
diagnostic(off, subgroup_uniformity);
#include "lib/team"
#include "lib/order"
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
    let last = p.items - 1u;
    var part = ITEM(0.0);
    for (var at = 0u; at < p.items; at += team.lanes) {
      let i = min(at + team.lane, last);
#if LOG
      let x = upstream[first + i];
#else
      let x = upstream[first + i] * output[first + i];
#endif
      part += select(ITEM(0.0), x, at + team.lane < p.items);
    }
    let total = team_sum(item_sum(part));
    let end = select(0u, p.items, row < p.rows);
    for (var at = 0u; at < end; at += team.lanes) {
      let i = min(at + team.lane, last);
      let g = upstream[first + i];
      let y = output[first + i];
#if LOG
      target_[first + i] = select(g - exp(y) * total, y, is_nan(bitcast<KEY>(y)));
#else
      target_[first + i] = y * (g - total);
#endif
    }
  }
}
