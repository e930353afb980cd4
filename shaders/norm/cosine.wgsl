// The cosine between two tensors row by row: a·b / (max(|a|, eps)·max(|b|, eps)). a, b: [rows, items] of vec4 or f32; target_: [rows];
// lengths: [rows, 2], the two divisors, for norm/cosine_backward. One team a row (lib/team), one walk.
// Measured by processor time, interleaved, 4096 × 512, against reductions and elementwise kernels: 0.2 on lavapipe and SwiftShader.
diagnostic(off, subgroup_uniformity);
#include "lib/team"
struct Params { rows: u32, items: u32, eps: f32 }
@group(0) @binding(0) var<storage, read_write> target_: array<f32>;
@group(0) @binding(1) var<storage, read_write> lengths: array<vec2<f32>>;
@group(0) @binding(2) var<storage, read> a: array<ITEM>;
@group(0) @binding(3) var<storage, read> b: array<ITEM>;
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
    var along = ITEM(0.0);
    var own_a = ITEM(0.0);
    var own_b = ITEM(0.0);
    for (var at = 0u; at < p.items; at += team.lanes) {
      let i = first + min(at + team.lane, p.items - 1u);
      let there = at + team.lane < p.items;
      let x = select(ITEM(0.0), a[i], there);
      let y = select(ITEM(0.0), b[i], there);
      along += x * y;
      own_a += x * x;
      own_b += y * y;
    }
    let squares = sqrt(team_sum2(vec2(item_sum(own_a), item_sum(own_b))));
    let product = team_sum(item_sum(along));
    if (team.lane == 0u && row < p.rows) {
      let length = max(squares, vec2(p.eps));
      lengths[row] = length;
      target_[row] = product / length.x / length.y;
    }
  }
}
