// The k largest (p.sign 1) or smallest (-1) of every run of at most `chunk` elements, in order, with their places; of equal
// ones the first. x: [rows, n] of vec4 or f32 items, cut into `parts` runs of `chunk` items; values, indices: [rows, parts, k].
// One team a run (lib/team) and k rounds: each finds the largest of what comes after the one found before, by value and then by
// place, so that nothing but that one is remembered. Where a run has fewer than k the rest is filled with what loses to
// everything. Longer rows take several launches, the later ones INDEXED: indices come along.
// Measured on lavapipe, 10 of 1024, 128 rows: 1.2 ms; counting for every element what comes before it took 170 ms.
diagnostic(off, subgroup_uniformity);
#include "lib/team"
struct Params { runs: u32, items: u32, parts: u32, chunk: u32, k: u32, sign: f32 }
@group(0) @binding(0) var<storage, read> source: array<ITEM>;
@group(0) @binding(1) var<storage, read> places: array<i32>;
@group(0) @binding(2) var<storage, read_write> values: array<f32>;
@group(0) @binding(3) var<storage, read_write> indices: array<i32>;
var<immediate> p: Params;
var<private> infinity_bits: u32 = 0x7f800000u;
#if VEC
const width = 4u;
const beside = vec4(0.0, 1.0, 2.0, 3.0);
#else
const width = 1u;
const beside = 0.0;
#endif
const nowhere = 16777216.0; // places within a run are counted in f32, which is exact up to here

@compute @workgroup_size(GROUP)
fn main(place: Place) {
  let team = team_at(place);
  let infinity = bitcast<f32>(infinity_bits);
  let k = p.k;
  let sign = p.sign;
  for (var r = 0u; r < ROWS; r++) {
    let wanted = team.index * ROWS + r;
#if TEAM != 2
    if (wanted >= p.runs) { return; }
#endif
    let run = min(wanted, p.runs - 1u);
    let start = (run % p.parts) * p.chunk;
    let first = (run / p.parts) * p.items + start;
    let length = min(p.items, start + p.chunk) - start;
    var last = infinity;
    var last_at = -1.0;
    for (var round = 0u; round < k; round++) {
      // Every lane's best, and where it is; of equal ones the first.
      var best = ITEM(-infinity);
      var at = ITEM(nowhere);
      for (var i = team.lane; i < length; i += team.lanes) {
        let x = source[first + i] * sign;
        let j = f32(i * width) + beside;
        let after = (x < ITEM(last)) | ((x == ITEM(last)) & (j > ITEM(last_at)));
        let better = after & ((x > best) | ((x == best) & (j < at)));
        best = select(best, x, better);
        at = select(at, j, better);
      }
      let top = team_max(item_max(best));
      let found = team_min(item_min(select(ITEM(nowhere), at, best == ITEM(top))));
      last = top;
      last_at = found;
      if (team.lane == 0u && wanted < p.runs) {
        let to = run * k + round;
        if (found < nowhere) {
          values[to] = top * sign;
#if INDEXED
          indices[to] = places[first * width + u32(found)];
#else
          indices[to] = i32(start * width + u32(found));
#endif
        } else {
          values[to] = -sign * infinity;
          indices[to] = 0x7fffffff;
        }
      }
    }
  }
}
