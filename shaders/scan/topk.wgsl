// The k largest (p.flip 0) or smallest (~0) of every run of at most `chunk` elements, in order, with their places; of equal
// ones the first. x: [rows, n] of vec4 or f32 items, cut into `parts` runs of `chunk` items; values, indices: [rows, parts, k].
// One team a run (lib/team) and k rounds: each finds the largest of what comes after the one found before, by value and then by
// place, so that nothing but that one is remembered. Where a run has fewer than k the rest is filled with what loses to
// everything. Longer rows take several launches, the later ones INDEXED: indices come along. Numbers are compared by their bits
// (lib/order), the smallest by the complement of those: NaN comes first of the largest and last of the smallest, as in PyTorch.
// Measured on lavapipe, 10 of 1024, 128 rows: 1.2 ms; counting for every element what comes before it took 170 ms.
diagnostic(off, subgroup_uniformity);
#include "lib/team"
#include "lib/order"
struct Params { runs: u32, items: u32, parts: u32, chunk: u32, k: u32, flip: u32 }
@group(0) @binding(0) var<storage, read> source: array<KEY>;
@group(0) @binding(1) var<storage, read> places: array<i32>;
@group(0) @binding(2) var<storage, read_write> values: array<u32>;
@group(0) @binding(3) var<storage, read_write> indices: array<i32>;
var<immediate> p: Params;
#if VEC
const width = 4u;
const beside = vec4(0u, 1u, 2u, 3u);
#else
const width = 1u;
const beside = 0u;
#endif
const nowhere = 0xffffffffu;

@compute @workgroup_size(GROUP)
fn main(place: Place) {
  let team = team_at(place);
  let k = p.k;
  for (var r = 0u; r < ROWS; r++) {
    let wanted = team.index * ROWS + r;
#if TEAM != 2
    if (wanted >= p.runs) { return; }
#endif
    let run = min(wanted, p.runs - 1u);
    let start = (run % p.parts) * p.chunk;
    let first = (run / p.parts) * p.items + start;
    let length = min(p.items, start + p.chunk) - start;
    var last = 0xffffffffu;
    var next_at = 0u; // of what equals `last`, only this and later places are left
    for (var round = 0u; round < k; round++) {
      // Every lane's best, and where it is; of equal ones the first.
      var best = KEY(0u);
      var at = KEY(nowhere);
      for (var step = 0u; step < length; step += team.lanes) {
        let i = min(step + team.lane, length - 1u);
        let x = place_key_of(source[first + i]) ^ KEY(p.flip);
        let j = KEY(i * width) + beside;
        let after = (x < KEY(last)) | ((x == KEY(last)) & (j >= KEY(next_at)));
        let better = after & ((x > best) | ((x == best) & (j < at)));
        best = select(best, x, better);
        at = select(at, j, better);
      }
      let top = team_max_key(key_max(best));
      let found = ~team_max_key(key_max(~select(KEY(nowhere), at, best == KEY(top))));
      last = top;
      next_at = min(found, nowhere - 1u) + 1u;
      if (team.lane == 0u && wanted < p.runs) {
        let to = run * k + round;
        if (found < nowhere) {
          values[to] = bits_of(top ^ p.flip);
#if INDEXED
          indices[to] = places[first * width + found];
#else
          indices[to] = i32(start * width + found);
#endif
        } else {
          values[to] = select(nan_bits, 0xff800000u, p.flip == 0u); // −∞, or NaN after all else
          indices[to] = 0x7fffffff;
        }
      }
    }
  }
}
