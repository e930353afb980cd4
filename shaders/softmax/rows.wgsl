// y = softmax(x) of every row, or log_softmax where LOG. x, y: [rows, items] of vec4 or f32. One team a row (lib/team):
// the maximum, the sum of exponentials of what is left, the result; x is read three times, from cache after the first.
// Measured, least of many runs on two cores that others used too; CPU time of both cores in brackets:
//   4096 × 512: lavapipe 5.8 ms (8.2); SwiftShader 81 ms (49). With rows_backward: 14.4 ms (16.1) and 173 ms (91).
// A row with NaN or +∞, or of −∞ alone, is NaN: by the key of its maximum, because max may drop a NaN, and exp does on SwiftShader.
diagnostic(off, subgroup_uniformity);
#include "lib/team"
#include "lib/order"
struct Params { rows: u32, items: u32 }
@group(0) @binding(0) var<storage, read> source: array<ITEM>;
@group(0) @binding(1) var<storage, read_write> target_: array<ITEM>;
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
    var peak = KEY(0u);
    for (var at = 0u; at < p.items; at += team.lanes) {
      peak = max(peak, key_of(bitcast<KEY>(source[first + min(at + team.lane, last)])));
    }
    let key = team_max_key(key_max(peak));
    let top = bitcast<f32>(bits_of(key));
    var part = ITEM(0.0);
    for (var at = 0u; at < p.items; at += team.lanes) {
      let i = at + team.lane;
      part += select(ITEM(0.0), exp(source[first + min(i, last)] - top), i < p.items);
    }
    let total = team_sum(item_sum(part));
#if LOG
    let share = log(total);
#else
    let share = 1.0 / total;
#endif
    let scale = bitcast<f32>(select(bitcast<u32>(share), nan_bits, has_no_softmax(key)));
    let end = select(0u, p.items, row < p.rows);
    for (var at = 0u; at < end; at += team.lanes) {
      let i = min(at + team.lane, last);
      let x = source[first + i] - top;
#if LOG
      target_[first + i] = x - scale;
#else
      target_[first + i] = exp(x) * scale;
#endif
    }
  }
}
