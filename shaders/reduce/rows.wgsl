// y[o] = FINISH(merge over r of MAP(x[o, r])): reductions of the innermost axis. x: [outer, items] of vec4 or f32;
// y: [outer, splits]. A row is cut into `splits` runs of `chunk` items, so that few long rows fill the machine too; a
// second launch merges the runs. One team a run (lib/team), four independent accumulators an invocation.
//   KIND    0 sum, 1 maximum, 2 minimum (lib/merge)
//   MAP     expression in `x` and `c`, of type ITEM
//   WITH    what c is: 0 nothing, 1 extra[o], the same for the row, 2 extra[o, r], another tensor of x's shape
//   FINISH  expression in `r`, the result, p.scale and, where WITH is 1, c1, each of type RESULT
// tail: elements in the last, incomplete vec4 of x, 0 to 3; only where outer is 1.
// Measured, least of many runs on two cores that others used too; CPU time of both cores in brackets:
//   sum of 4M: lavapipe 2.2 ms (2.1), 7.8 GB/s; SwiftShader 13.6 ms (13.6), 1.2 GB/s
//   [4096, 256] → [4096]: lavapipe 0.95 ms (0.9); SwiftShader 4.1 ms (5.1)
diagnostic(off, subgroup_uniformity);
#include "lib/team"
#define RESULT_VEC 0
#include "lib/merge"
struct Params { rows: u32, items: u32, tail: u32, splits: u32, chunk: u32, scale: f32 }
@group(0) @binding(0) var<storage, read> source: array<ITEM>;
#if WITH == 2
@group(0) @binding(1) var<storage, read> extra: array<ITEM>;
#else
@group(0) @binding(1) var<storage, read> extra: array<f32>;
#endif
@group(0) @binding(2) var<storage, read_write> target_: array<f32>;
var<immediate> p: Params;

fn mapped(i: u32, c1: f32) -> PART {
  let x = source[i];
#if WITH == 2
  let c = extra[i];
#else
  let c = ITEM(c1);
#endif
  return part_of(MAP);
}

@compute @workgroup_size(GROUP)
fn main(place: Place) {
  let team = team_at(place);
  for (var k = 0u; k < ROWS; k++) {
    let wanted = team.index * ROWS + k;
#if TEAM != 2
    if (wanted >= p.rows) { return; }
#endif
    let row = min(wanted, p.rows - 1u);
    let part = row % p.splits;
    let first = (row / p.splits) * p.items;
    let begin = first + part * p.chunk;
    let end = first + min(p.items, (part + 1u) * p.chunk);
#if WITH == 1
    let c1 = extra[row / p.splits];
#else
    let c1 = 0.0;
#endif
    var a = nothing();
    var b = nothing();
    var c = nothing();
    var d = nothing();
    let n = team.lanes;
    let fours = end - (end - begin) % (4u * n);
    for (var at = begin; at < fours; at += 4u * n) {
      let i = at + team.lane;
      a = merge(a, mapped(i, c1));
      b = merge(b, mapped(i + n, c1));
      c = merge(c, mapped(i + 2u * n, c1));
      d = merge(d, mapped(i + 3u * n, c1));
    }
    for (var at = fours; at < end; at += n) {
      let i = at + team.lane;
      a = merge(a, select(nothing(), mapped(min(i, end - 1u), c1), i < end));
    }
#if VEC
    if (p.tail > 0u && part == p.splits - 1u && team.lane == 0u) {
      let last = mapped(p.items, c1);
      b = merge(b, select(nothing(), last, vec4(0u, 1u, 2u, 3u) < vec4(p.tail)));
    }
#endif
    let all = merge(merge(a, b), merge(c, d));
#if KIND == 0
    let r = team_sum(item_sum(all));
#else
    let r = result_of(team_max_key(key_max(all)));
#endif
    if (team.lane == 0u && wanted < p.rows) { target_[row] = FINISH; }
  }
}
