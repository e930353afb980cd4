// Cross entropy of every row with its class t: with x = scale·logits and L = ln Σ exp x,
//   loss = L − (1 − smoothing)·x[t] − smoothing·mean(x), and 0 where t is p.ignore.
// logits: [rows, items] of vec4 or f32; target: [rows] of i32, or, where DIAGONAL, row i of each square has class i.
// losses, lse (L, for the gradient) and valid (1 or, where ignored, 0): [rows]. One team a row (lib/team). A class that
// does not exist gives NaN, so that it is noticed, and so does a row with NaN or +∞ (as in softmax/rows).
// Measured, least of many runs on two cores that others used too; CPU time of both cores in brackets:
//   4096 × 512: lavapipe 2.4 ms (4.6); SwiftShader 31 ms (28)
// Lost: one walk with a running maximum, 0.9 of the time on lavapipe, 0.9 to 1 on SwiftShader, and an infinite logit needs care; an exp of our
// own (round, polynomial, bits): nothing on lavapipe, 1.2 times as long on SwiftShader.
diagnostic(off, subgroup_uniformity);
#include "lib/team"
#include "lib/order"
struct Params { rows: u32, items: u32, classes: u32, scale: f32, smoothing: f32, ignore: i32 }
@group(0) @binding(0) var<storage, read> logits: array<ITEM>;
@group(0) @binding(1) var<storage, read> targets: array<i32>;
@group(0) @binding(2) var<storage, read_write> losses: array<u32>;
@group(0) @binding(3) var<storage, read_write> lse: array<f32>;
@group(0) @binding(4) var<storage, read_write> valid: array<f32>;
var<immediate> p: Params;

@compute @workgroup_size(GROUP)
fn main(place: Place) {
  let team = team_at(place);
  for (var k = 0u; k < ROWS; k++) {
    let wanted = team.index * ROWS + k;
#if TEAM != 2
    if (wanted >= p.rows) { return; }
#endif
    let row = min(wanted, p.rows - 1u);
    let first = row * p.items;
    var peak = KEY(0u);
    let last = p.items - 1u;
    for (var at = 0u; at < p.items; at += team.lanes) {
      peak = max(peak, key_of(bitcast<KEY>(logits[first + min(at + team.lane, last)] * p.scale)));
    }
    let key = team_max_key(key_max(peak));
    let none = has_no_softmax(key);
    let top = bitcast<f32>(bits_of(key));
    var part = ITEM(0.0);
    var plain = ITEM(0.0);
    for (var at = 0u; at < p.items; at += team.lanes) {
      let i = at + team.lane;
      let x = logits[first + min(i, last)] * p.scale - top;
      part += select(ITEM(0.0), exp(x), i < p.items);
      plain += select(ITEM(0.0), x, i < p.items);
    }
    let sums = team_sum2(vec2(item_sum(part), item_sum(plain)));
    if (team.lane == 0u && wanted < p.rows) {
      let rest = log(sums.x);
#if DIAGONAL
      let t = i32(row % p.classes);
      let counts = true;
#else
      let t = targets[row];
      let counts = t != p.ignore;
#endif
      var bits = nan_bits;
      if (t >= 0 && u32(t) < p.classes) {
#if VEC
        let hit = logits[first + u32(t) / 4u][u32(t) % 4u] * p.scale - top;
#else
        let hit = logits[first + u32(t)] * p.scale - top;
#endif
        var loss = rest - (1.0 - p.smoothing) * hit;
        if (p.smoothing > 0.0) { loss -= p.smoothing * sums.y / f32(p.classes); }
        bits = select(bitcast<u32>(loss), nan_bits, none);
      }
      losses[row] = select(0u, bits, counts);
      lse[row] = bitcast<f32>(select(bitcast<u32>(top + rest), nan_bits, none));
      valid[row] = select(0.0, 1.0, counts);
    }
  }
}
