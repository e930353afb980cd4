// C = A·B with tiles of A and B in workgroup memory, for hardware GPUs: 256 invocations make TILE × TILE results (TILE 64 or 128),
// each (4·HALVES)² of them as quads that stand 64 apart, HALVES = TILE / 64. A step of the summed axis is DEPTH = 2048 / TILE
// values, so that both tiles fill 16 KiB and every invocation fetches one 4×4 block: the first 128 of A, the others of B. The next
// blocks are fetched into registers while the present ones are used. Both tiles are kept with the summed axis outermost.
// On software adapters it is the slowest but one (512³, as in matmul/subgroup: lavapipe 2.5 GFLOP/s, SwiftShader 0.5 to 0.9) and lavapipe
// compiles it for seconds, so it is never chosen there. Not yet timed on hardware.
#include "matmul/operands"
#define TILE_QUADS u32(16 * HALVES)
#define DEPTH_QUADS u32(8 / HALVES)
var<workgroup> tile_a: array<vec4<f32>, 512>;
var<workgroup> tile_b: array<vec4<f32>, 512>;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
  let place = place_of(linear_group(group, groups), TILE_QUADS * 4u, TILE_QUADS * 4u);
  if (place.z >= p.results) { return; }
  let row = place.x * TILE_QUADS * 4u;
  let column = place.y * TILE_QUADS * 4u;
  let matrix = place.z % p.batch;
  let fetches_a = local < 128u;
  let block = local % 128u;
  // Which 4×4 block: neighbours in `block` stand side by side in memory.
#if TRANSPOSE_A
  let a_quad = block / TILE_QUADS;
  let a_side = block % TILE_QUADS;
#else
  let a_quad = block % DEPTH_QUADS;
  let a_side = block / DEPTH_QUADS;
#endif
#if TRANSPOSE_B
  let b_quad = block % DEPTH_QUADS;
  let b_side = block / DEPTH_QUADS;
#else
  let b_quad = block / TILE_QUADS;
  let b_side = block % TILE_QUADS;
#endif
  let own_quad = select(b_quad, a_quad, fetches_a);
#repeat e 4
#if TRANSPOSE_A
  let a_at##e = a_position(matrix, e##u, row + 4u * a_side);
#else
  let a_at##e = a_position(matrix, row + 4u * a_side + e##u, 0u);
#endif
#if TRANSPOSE_B
  let b_at##e = b_position(matrix, column + 4u * b_side + e##u, 0u);
#else
  let b_at##e = b_position(matrix, e##u, column + 4u * b_side);
#endif
#end
#repeat g HALVES
#repeat h HALVES
#repeat e 4
  var sum##g##_##h##_##e = vec4(0.0);
#end
#end
#end
  let across = local % 16u;
  let down = local / 16u;
  let quads = quads_of(place.z / p.batch);
#repeat e 4
  var next##e = vec4(0.0);
#end
  for (var quad = quads.x; quad < quads.y + DEPTH_QUADS; quad += DEPTH_QUADS) {
    let first = quad == quads.x;
    if (!first) {
      workgroupBarrier();
      if (fetches_a) {
#repeat e 4
#if TRANSPOSE_A
        tile_a[(4u * a_quad + e##u) * TILE_QUADS + a_side] = next##e;
#else
        tile_a[(4u * a_quad + e##u) * TILE_QUADS + a_side] = vec4(next0[e], next1[e], next2[e], next3[e]);
#endif
#end
      } else {
#repeat e 4
#if TRANSPOSE_B
        tile_b[(4u * b_quad + e##u) * TILE_QUADS + b_side] = vec4(next0[e], next1[e], next2[e], next3[e]);
#else
        tile_b[(4u * b_quad + e##u) * TILE_QUADS + b_side] = next##e;
#endif
#end
      }
      workgroupBarrier();
    }
    let fetch = quad + own_quad;
    if (fetch < quads.y) {
      if (fetches_a) {
#repeat e 4
        next##e = read_a(a_at##e, fetch);
#end
      } else {
#repeat e 4
        next##e = read_b(b_at##e, fetch);
#end
      }
    } else {
#repeat e 4
      next##e = vec4(0.0);
#end
    }
    if (!first) {
      for (var depth = 0u; depth < 4u * DEPTH_QUADS; depth++) {
#repeat h HALVES
        let a##h = tile_a[depth * TILE_QUADS + down + 16u * h##u];
        let b##h = tile_b[depth * TILE_QUADS + across + 16u * h##u];
#end
#repeat g HALVES
#repeat h HALVES
#repeat e 4
        sum##g##_##h##_##e += a##g[e] * b##h;
#end
#end
#end
      }
    }
  }
#repeat g HALVES
#repeat e 4
#repeat h HALVES
  store(place.z, row + (down + 16u * g##u) * 4u + e##u, column + (across + 16u * h##u) * 4u, sum##g##_##h##_##e);
#end
#end
#end
}
