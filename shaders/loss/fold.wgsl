// One number out of a vector: Σ x·scale, or, where MEAN, Σ x / Σ valid, and then Σ valid is kept too. One team (lib/team) walks
// the whole vector, so it is for the thousands of values that other kernels leave: the last step of the losses.
diagnostic(off, subgroup_uniformity);
#include "lib/team"
struct Params { count: u32, scale: f32 }
@group(0) @binding(0) var<storage, read_write> target_: array<f32>;
@group(0) @binding(1) var<storage, read> values: array<f32>;
#if MEAN
@group(0) @binding(2) var<storage, read> valid: array<f32>;
@group(0) @binding(3) var<storage, read_write> valid_count: array<f32>;
#endif
var<immediate> p: Params;

@compute @workgroup_size(GROUP)
fn main(place: Place) {
  let team = team_at(place);
#if TEAM != 2
  if (team.index > 0u) { return; }
#endif
  var part = 0.0;
  var kept = 0.0;
  for (var at = 0u; at < p.count; at += team.lanes) {
    let i = min(at + team.lane, p.count - 1u);
    let there = at + team.lane < p.count;
    part += select(0.0, values[i], there);
#if MEAN
    kept += select(0.0, valid[i], there);
#endif
  }
#if MEAN
  let sums = team_sum2(vec2(part, kept));
  if (team.lane == 0u) {
    target_[0] = sums.x / sums.y;
    valid_count[0] = sums.y;
  }
#else
  let sum = team_sum(part);
  if (team.lane == 0u) { target_[0] = sum * p.scale; }
#endif
}
