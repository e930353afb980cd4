// out = softmax(q·kᵀ·scale + mask)·v, without storing the scores, by subgroups that own a tile of queries and walk the keys with a
// running maximum and sum (the online softmax of FlashAttention, Dao et al. 2022). Shapes in attention/operands, how the work
// is shared in attention/tile. Leaves stats.x for the gradient. A query with no visible key gives zeros.
// Measured against attention/forward by processor time, interleaved, on two busy cores; tiles as the rule chooses them.
//   lavapipe, 8 rows and 2 columns a lane: 0.62 of its time for [B, H, T, D] = [16, 4, 64, 24], 0.5 for [4, 4, 128, 32] and [4, 6, 128,
//   64]; compilation 0.3 to 0.5 of its time (D = 24, 32), 0.2 (D = 64). 16 rows and 4 columns run another fifth faster but take
//   three times as long to compile; 8 rows and 4 columns gain nothing and take 1.8 times as long.
//   SwiftShader, 16 rows and 4 columns: 0.8 of its time; 4 rows 1.2.
// Lost: an exp2 of our own (round, polynomial of degree 5, bits): up to 15 % for 16 rows, nothing for 8, at the price of more text; keys and
// values staged in workgroup memory: its reads cost the compiler what storage's cost.
diagnostic(off, subgroup_uniformity);
#define ROLE 0
#include "attention/operands"
#include "attention/tile"

@compute @workgroup_size(WIDTH)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(subgroup_invocation_id) lane: u32,
        @builtin(local_invocation_index) local: u32) {
  let tile = tile_at(linear_group(group, groups), local, p.tq);
  let pair = tile.pair;
  let row = tile.row;
  if (pair >= p.pairs || row >= p.tq) { return; }
#repeat b BLOCKS
  let query_at##b = row_at(0u, pair, min(row + b##u * u32(LANES) + lane, p.tq - 1u), p.tq);
#repeat s LANES
  var best##b##_##s = -1e29;
  var total##b##_##s = 0.0;
#repeat c COLUMNS
  var sum##b##_##s##_##c = vec4(0.0);
#end
#end
#end
  for (var first = 0u; first < p.tk; first += u32(KEYS * LANES)) {
    let own = first + u32(KEYS) * lane;
#if MASK == 2
    var extra: array<f32, ROWS * KEYS>;
    for (var j = 0u; j < min(u32(ROWS), p.tq - row) * u32(KEYS); j++) {
      extra[j] = mask_value(pair, row + j / u32(KEYS), min(own + j % u32(KEYS), p.tk - 1u));
    }
#endif
#repeat e KEYS
    let key_at##e = row_at(1u, pair, min(own + e##u, p.tk - 1u), p.tk);
#if MASK == 1
    let cover##e = select(negligible, 0.0, own + e##u < p.tk && is_kept(pair, min(own + e##u, p.tk - 1u)));
#else
    let cover##e = select(negligible, 0.0, own + e##u < p.tk);
#endif
#repeat b BLOCKS
#repeat s LANES
    var score##b##_##s##_##e = cover##e;
#if MASK == 2
    score##b##_##s##_##e += extra[(b * LANES + s) * KEYS + e];
#endif
#end
#end
#end
    for (var i = 0u; i < p.chunks; i++) {
#repeat e KEYS
      let y##e = read_key(key_at##e, i);
#end
#repeat b BLOCKS
      let x##b = read_query(query_at##b, i) * (p.scale * log2e);
#repeat s LANES
      {
        let x = subgroupBroadcast(x##b, s##u);
#repeat e KEYS
        score##b##_##s##_##e += dot(x, y##e);
#end
      }
#end
#end
    }
#repeat b BLOCKS
    var gap##b = 0.0;
#repeat s LANES
    {
      var top = score##b##_##s##_0;
#repeat e KEYS
      top = max(top, score##b##_##s##_##e);
#end
      top = max(best##b##_##s, lane_max(top));
      gap##b = select(gap##b, best##b##_##s - top, lane == s##u);
      best##b##_##s = top;
    }
#end
    let shrink##b = exp2(gap##b);
#repeat s LANES
    {
      let shrink = subgroupBroadcast(shrink##b, s##u);
      total##b##_##s *= shrink;
#repeat e KEYS
      score##b##_##s##_##e = exp2(score##b##_##s##_##e - best##b##_##s);
      total##b##_##s += score##b##_##s##_##e;
#end
#repeat c COLUMNS
      sum##b##_##s##_##c *= shrink;
#end
    }
#end
#end
    let lanes = min(u32(LANES), (p.tk - first + u32(KEYS - 1)) / u32(KEYS));
    for (var l = 0u; l < lanes; l++) {
#repeat e KEYS
      let value_at##e = row_at(2u, pair, min(first + u32(KEYS) * l + e##u, p.tk - 1u), p.tk);
#repeat c COLUMNS
      let v##e##_##c = read_value(value_at##e, min(lane + u32(c * LANES), u32(CHUNKS) - 1u));
#end
#repeat b BLOCKS
#repeat s LANES
      {
        let w = subgroupShuffle(score##b##_##s##_##e, l);
#repeat c COLUMNS
        sum##b##_##s##_##c += w * v##e##_##c;
#end
      }
#end
#end
#end
    }
  }
#repeat b BLOCKS
  var all##b = 0.0;
  var top##b = 0.0;
#repeat s LANES
  let sum_of##b##_##s = lane_sum(total##b##_##s);
  all##b = select(all##b, sum_of##b##_##s, lane == s##u);
  top##b = select(top##b, best##b##_##s, lane == s##u);
#end
  let unit##b = select(0.0, 1.0 / all##b, all##b > 0.5);
  if (row + b##u * u32(LANES) + lane < p.tq) {
    stats[pair * p.tq + row + b##u * u32(LANES) + lane] = vec2(select(-negligible, top##b + log2(all##b), all##b > 0.5), 0.0);
  }
#end
  let count = min(u32(ROWS), p.tq - row);
#repeat c COLUMNS
  {
    var sums = array<vec4<f32>, ROWS>(
#repeat b BLOCKS
#repeat s LANES
      sum##b##_##s##_##c * subgroupBroadcast(unit##b, s##u),
#end
#end
    );
    let column = lane + u32(c * LANES);
    for (var r = 0u; r < count; r++) {
      if (column < u32(CHUNKS)) { write_target(out_at(pair, row + r), column, sums[r]); }
    }
  }
#end
}
