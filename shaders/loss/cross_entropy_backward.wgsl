// Gradient of loss/cross_entropy by the logits, in one walk: s·(softmax(x) − (1 − smoothing)·[class is t] −
// smoothing/classes), where s is p.factor times the upstream gradient (one number, or one a row where EACH), over the
// number of valid rows where MEAN, and 0 for ignored rows. Shapes as in loss/cross_entropy; IN_PLACE writes over the logits.
diagnostic(off, subgroup_uniformity);
#include "lib/team"
struct Params { rows: u32, items: u32, classes: u32, scale: f32, smoothing: f32, ignore: i32, factor: f32 }
@group(0) @binding(0) var<storage, read> targets: array<i32>;
@group(0) @binding(1) var<storage, read> lse: array<f32>;
@group(0) @binding(2) var<storage, read> upstream: array<f32>;
@group(0) @binding(3) var<storage, read> count: array<f32>;
#if IN_PLACE
@group(0) @binding(4) var<storage, read_write> target_: array<ITEM>;
#define LOGITS target_
#else
@group(0) @binding(4) var<storage, read> logits: array<ITEM>;
@group(0) @binding(5) var<storage, read_write> target_: array<ITEM>;
#define LOGITS logits
#endif
var<immediate> p: Params;

@compute @workgroup_size(GROUP)
fn main(place: Place) {
  let team = team_at(place);
  for (var k = 0u; k < ROWS; k++) {
    let row = team.index * ROWS + k;
    if (row >= p.rows) { return; }
    let first = row * p.items;
#if DIAGONAL
    let t = row % p.classes;
    var s = p.factor;
#else
    let t = u32(targets[row]);
    var s = select(p.factor, 0.0, targets[row] == p.ignore);
#endif
#if EACH
    s *= upstream[row];
#else
    s *= upstream[0];
#endif
#if MEAN
    s /= count[0];
#endif
    let level = lse[row];
    s = select(s, level, (bitcast<u32>(level) & 0x7fffffffu) > 0x7f800000u);
    let even = p.smoothing / f32(p.classes);
    let sure = 1.0 - p.smoothing;
    for (var i = team.lane; i < p.items; i += team.lanes) {
#if VEC
      let hot = select(ITEM(0.0), ITEM(sure), vec4(4u * i) + vec4(0u, 1u, 2u, 3u) == vec4(t));
#else
      let hot = select(0.0, sure, i == t);
#endif
      target_[first + i] = s * (exp(LOGITS[first + i] * p.scale - level) - hot - even);
    }
  }
}
