// Gradient of norm/cosine by a (by b where SECOND, with a and b in each other's places): g·(b / (la·lb) − a·cos / la²), the second
// part only where |a| and not eps is the divisor la. Shapes as in norm/cosine; upstream and cosines: [rows]. One team a row.
diagnostic(off, subgroup_uniformity);
#include "lib/team"
struct Params { rows: u32, items: u32, eps: f32 }
@group(0) @binding(0) var<storage, read_write> target_: array<ITEM>;
@group(0) @binding(1) var<storage, read> upstream: array<f32>;
@group(0) @binding(2) var<storage, read> cosines: array<f32>;
@group(0) @binding(3) var<storage, read> lengths: array<vec2<f32>>;
@group(0) @binding(4) var<storage, read> a: array<ITEM>;
@group(0) @binding(5) var<storage, read> b: array<ITEM>;
var<immediate> p: Params;

@compute @workgroup_size(GROUP)
fn main(place: Place) {
  let team = team_at(place);
  for (var k = 0u; k < ROWS; k++) {
    let row = team.index * ROWS + k;
    if (row >= p.rows) { return; }
    let length = lengths[row];
#if SECOND
    let own = length.y;
#else
    let own = length.x;
#endif
    let toward = upstream[row] / length.x / length.y;
    let back = select(0.0, upstream[row] * cosines[row] / own / own, own > p.eps);
    for (var i = team.lane; i < p.items; i += team.lanes) {
      let at = row * p.items + i;
      target_[at] = toward * b[at] - back * a[at];
    }
  }
}
