// The gradients of attention's k and v by tiles of keys: dv = Σ over queries of w·dout, dk = scale·Σ of ds·q with w and ds as in
// attention/tile_backward_query, which must have run before. A key belongs to one subgroup, so no sum is shared and the order of
// every sum is fixed. Shapes in attention/operands, how the work is shared in attention/tile. Writes parts 1 and 2 of the packed gradient.
// Measured as attention/tile_forward. lavapipe: 0.85 to 0.95 of the time of attention/backward_key; compilation 0.4 to 0.55 (D = 24, 32), 0.22
// (D = 64). SwiftShader: 0.75 to 0.95.
diagnostic(off, subgroup_uniformity);
#define ROLE 2
#include "attention/operands"
#include "attention/tile"

@compute @workgroup_size(WIDTH)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(subgroup_invocation_id) lane: u32,
        @builtin(local_invocation_index) local: u32) {
  let tile = tile_at(linear_group(group, groups), local, p.tk);
  let pair = tile.pair;
  let row = tile.row;
  if (pair >= p.pairs || row >= p.tk) { return; }
#repeat b BLOCKS
  let key_at##b = row_at(1u, pair, min(row + b##u * u32(LANES) + lane, p.tk - 1u), p.tk);
  let value_at##b = row_at(2u, pair, min(row + b##u * u32(LANES) + lane, p.tk - 1u), p.tk);
#end
#repeat b BLOCKS
#repeat s LANES
#repeat c COLUMNS
  var sum_k##b##_##s##_##c = vec4(0.0);
#end
#end
#end
#repeat b BLOCKS
#repeat s LANES
#repeat c COLUMNS
  var sum_v##b##_##s##_##c = vec4(0.0);
#end
#end
#end
  for (var first = 0u; first < p.tq; first += u32(KEYS * LANES)) {
    let own = first + u32(KEYS) * lane;
#if MASK == 2
    var extra: array<f32, ROWS * KEYS>;
    for (var j = 0u; j < min(u32(ROWS), p.tk - row) * u32(KEYS); j++) {
      extra[j] = mask_value(pair, min(own + j % u32(KEYS), p.tq - 1u), row + j / u32(KEYS));
    }
#endif
#repeat e KEYS
    let row##e = min(own + e##u, p.tq - 1u);
    let query_at##e = row_at(0u, pair, row##e, p.tq);
    let grad_at##e = out_at(pair, row##e);
    let stat##e = stats[pair * p.tq + row##e];
    let level##e = select(negligible, -stat##e.x, own + e##u < p.tq);
#repeat b BLOCKS
#repeat s LANES
    var score##b##_##s##_##e = level##e;
#if MASK == 2
    score##b##_##s##_##e += extra[(b * LANES + s) * KEYS + e];
#endif
    var change##b##_##s##_##e = -stat##e.y;
#end
#end
#end
    for (var i = 0u; i < p.chunks; i++) {
#repeat e KEYS
      let y##e = read_query(query_at##e, i);
#end
#repeat b BLOCKS
      let x##b = read_key(key_at##b, i) * (p.scale * log2e);
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
      let y##e = read_grad(grad_at##e, i);
#end
#repeat b BLOCKS
      let x##b = read_value(value_at##b, i);
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
    score##b##_##s##_##e = exp2(score##b##_##s##_##e);
    change##b##_##s##_##e *= score##b##_##s##_##e;
#end
#end
#end
    let lanes = min(u32(LANES), (p.tq - first + u32(KEYS - 1)) / u32(KEYS));
    for (var l = 0u; l < lanes; l++) {
#repeat e KEYS
      let l_row##e = min(first + u32(KEYS) * l + e##u, p.tq - 1u);
      let q_at##e = row_at(0u, pair, l_row##e, p.tq);
      let g_at##e = out_at(pair, l_row##e);
#repeat c COLUMNS
      let q##e##_##c = read_query(q_at##e, min(lane + u32(c * LANES), u32(CHUNKS) - 1u));
      let g##e##_##c = read_grad(g_at##e, min(lane + u32(c * LANES), u32(CHUNKS) - 1u));
#end
#repeat b BLOCKS
#repeat s LANES
      {
        let w = subgroupShuffle(score##b##_##s##_##e, l);
        let d = subgroupShuffle(change##b##_##s##_##e, l);
#repeat c COLUMNS
        sum_v##b##_##s##_##c += w * g##e##_##c;
        sum_k##b##_##s##_##c += d * q##e##_##c;
#end
      }
#end
#end
#end
    }
  }
  let count = min(u32(ROWS), p.tk - row);
#repeat c COLUMNS
  {
    var sums_k = array<vec4<f32>, ROWS>(
#repeat b BLOCKS
#repeat s LANES
      sum_k##b##_##s##_##c * p.scale,
#end
#end
    );
    var sums_v = array<vec4<f32>, ROWS>(
#repeat b BLOCKS
#repeat s LANES
      sum_v##b##_##s##_##c,
#end
#end
    );
    let column = lane + u32(c * LANES);
    for (var r = 0u; r < select(0u, count, column < u32(CHUNKS)); r++) {
      var dk = sums_k[r];
      var dv = sums_v[r];
#if MASK == 1
      if (!is_kept(pair, row + r)) { dk = vec4(0.0); dv = vec4(0.0); }
#endif
      write_target(row_at(1u, pair, row + r, p.tk), column, dk);
      write_value(row_at(2u, pair, row + r, p.tk), column, dv);
    }
  }
#end
}
