// Σ over elements of EXPR(x, t, w), a loss of src/ops/losses, without storing the elements: each team (lib/team, one row of it a
// team) takes `chunk` items and leaves one number; loss/fold adds those up. x: input; t: target of the same shape; w: weights that
// repeat along the last axis with `period` items (WEIGHTED; else 1). ITEM is vec4 where the period allows; the last vec4 may be
// incomplete, and what lies after the end counts for nothing.
diagnostic(off, subgroup_uniformity);
#include "lib/team"
struct Params { items: u32, size: u32, chunk: u32, chunks: u32, period: u32 }
@group(0) @binding(0) var<storage, read_write> target_: array<f32>;
@group(0) @binding(1) var<storage, read> input: array<ITEM>;
@group(0) @binding(2) var<storage, read> wanted: array<ITEM>;
#if WEIGHTED
@group(0) @binding(3) var<storage, read> weights: array<ITEM>;
#endif
var<immediate> p: Params;

@compute @workgroup_size(GROUP)
fn main(place: Place) {
  let team = team_at(place);
#if TEAM != 2
  if (team.index >= p.chunks) { return; }
#endif
  let end = min(p.items, (team.index + 1u) * p.chunk);
  var sum = ITEM(0.0);
  for (var at = team.index * p.chunk; at < end; at += team.lanes) {
    let own = at + team.lane;
    let i = min(own, end - 1u);
    let x = input[i];
    let t = wanted[i];
#if WEIGHTED
    let w = weights[i % p.period];
#else
    let w = ITEM(1.0);
#endif
    let loss = EXPR;
#if VEC
    let size = select(0u, p.size, own < end);
    sum += select(vec4(0.0), loss, vec4(4u * i) + vec4(0u, 1u, 2u, 3u) < vec4(size));
#else
    sum += select(0.0, loss, own < end);
#endif
  }
  let all = team_sum(item_sum(sum));
  if (team.lane == 0u && team.index < p.chunks) { target_[team.index] = all; }
}
