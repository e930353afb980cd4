// The gradient of attention's q by tiles of queries: dq = scale·Σ over keys of ds·k with ds = w·(dout·v − delta), w the attention
// weight (found again from stats.x) and delta = dout·out, which is left in stats.y for attention/tile_backward_key.
// Shapes in attention/operands, how the work is shared in attention/tile. Writes part 0 of the packed gradient where PACKED.
// Measured as attention/tile_forward. lavapipe: 0.75 to 0.9 of the time of attention/backward_query; compilation 0.4 to 0.7 (D = 24, 32),
// 0.23 (D = 64). SwiftShader: 0.65 to 0.9.
diagnostic(off, subgroup_uniformity);
#define ROLE 1
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
  let row##b = min(row + b##u * u32(LANES) + lane, p.tq - 1u);
  let query_at##b = row_at(0u, pair, row##b, p.tq);
  let grad_at##b = out_at(pair, row##b);
  let level##b = stats[pair * p.tq + row##b].x;
  var delta##b = 0.0;
  for (var i = 0u; i < p.chunks; i++) { delta##b += dot(read_grad(grad_at##b, i), read_output(grad_at##b, i)); }
#end
#repeat b BLOCKS
#repeat s LANES
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
    let value_at##e = row_at(2u, pair, min(own + e##u, p.tk - 1u), p.tk);
#if MASK == 1
    let cover##e = select(negligible, 0.0, own + e##u < p.tk && is_kept(pair, min(own + e##u, p.tk - 1u)));
#else
    let cover##e = select(negligible, 0.0, own + e##u < p.tk);
#endif
#repeat b BLOCKS
#repeat s LANES
    var score##b##_##s##_##e = cover##e - subgroupBroadcast(level##b, s##u);
#if MASK == 2
    score##b##_##s##_##e += extra[(b * LANES + s) * KEYS + e];
#endif
    var change##b##_##s##_##e = -subgroupBroadcast(delta##b, s##u);
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
    for (var i = 0u; i < p.chunks; i++) {
#repeat e KEYS
      let y##e = read_value(value_at##e, i);
#end
#repeat b BLOCKS
      let x##b = read_grad(grad_at##b, i);
#repeat s LANES
      {
        let x = subgroupBroadcast(x##b, s##u);
#repeat e KEYS
        change##b##_##s##_##e += dot(x, y##e);
#end
      }
#end
#end
    }
#repeat b BLOCKS
#repeat s LANES
#repeat e KEYS
    score##b##_##s##_##e = exp2(score##b##_##s##_##e) * change##b##_##s##_##e;
#end
#end
#end
    let lanes = min(u32(LANES), (p.tk - first + u32(KEYS - 1)) / u32(KEYS));
    for (var l = 0u; l < lanes; l++) {
#repeat e KEYS
      let at##e = row_at(1u, pair, min(first + u32(KEYS) * l + e##u, p.tk - 1u), p.tk);
#repeat c COLUMNS
      let v##e##_##c = read_key(at##e, min(lane + u32(c * LANES), u32(CHUNKS) - 1u));
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
  if (row + b##u * u32(LANES) + lane < p.tq) { stats[pair * p.tq + row + b##u * u32(LANES) + lane].y = delta##b; }
#end
  let count = min(u32(ROWS), p.tq - row);
#repeat c COLUMNS
  {
    var sums = array<vec4<f32>, ROWS>(
#repeat b BLOCKS
#repeat s LANES
      sum##b##_##s##_##c * p.scale,
#end
#end
    );
    let column = lane + u32(c * LANES);
    for (var r = 0u; r < select(0u, count, column < u32(CHUNKS)); r++) { write_target(row_at(0u, pair, row + r, p.tq), column, sums[r]); }
  }
#end
}
