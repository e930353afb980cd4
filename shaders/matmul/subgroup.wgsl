// C = A·B by subgroups without workgroup memory: a subgroup of LANES lanes owns BLOCKS·LANES rows × 4·LANES columns. For each
// quad of the summed axis lane s loads, of every block of rows, one vec4 of A, and the four vec4 of B at its own four columns; each
// value of A is handed to all lanes by subgroupBroadcast. Needs subgroups of exactly LANES (4, 8 or 16). GROUPS = LANES / 4.
// A transposed: lane 4g + e loads A[4q + e][row…row + 3], so that a value comes from lane 4g + e and component of the row.
// B transposed: lane loads four rows of B along the summed axis, and the 4×4 transposition costs only names of registers.
// Measured, GFLOP/s by processor time on two cores (2·M·N·K / time · 2): lavapipe (8 lanes, 4 blocks) 256³ 29, 512³ 26, 1024³ 28, A·Bᵀ
// 28, Aᵀ·B 33; with 1 block 16, 21, 22. SwiftShader (4 lanes, 8 blocks) 512³ 4.1, A·Bᵀ 4.0, Aᵀ·B 2.7, 1024³ 3.3; with 1 block 2.3.
// A transformer's layers of 1024 rows, width 96: lavapipe 12 to 32, SwiftShader 2.8 to 4.0, GELU in the epilogue included.
#include "matmul/operands"

@compute @workgroup_size(WIDTH)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(subgroup_invocation_id) lane: u32,
        @builtin(local_invocation_index) local: u32) {
  let row_tiles = (p.m + u32(BLOCKS * LANES) - 1u) / u32(BLOCKS * LANES);
  let column_tiles = (p.n + u32(4 * LANES) - 1u) / u32(4 * LANES);
  let share = (row_tiles * column_tiles + u32(WIDTH / LANES) - 1u) / u32(WIDTH / LANES); // workgroups for each result
  let result = linear_group(group, groups) / share;
  if (result >= p.results) { return; }
  let tile = linear_group(group, groups) % share * u32(WIDTH / LANES) + local / u32(LANES);
  let row = tile % row_tiles * u32(BLOCKS * LANES);
  let column = (tile / row_tiles * u32(LANES) + lane) * 4u;
  let matrix = result % p.batch;
  let slice = result / p.batch;
#repeat j BLOCKS
#if TRANSPOSE_A
  let a_at##j = a_position(matrix, lane % 4u, row + j##u * u32(LANES) + lane / 4u * 4u);
#else
  let a_at##j = a_position(matrix, row + j##u * u32(LANES) + lane, 0u);
#endif
#repeat g GROUPS
#repeat e 4
  var sum##j##_##g##_##e = vec4(0.0);
#end
#end
#end
#repeat e 4
#if TRANSPOSE_B
  let b_at##e = b_position(matrix, column + e##u, 0u);
#else
  let b_at##e = b_position(matrix, e##u, column);
#endif
#end
  let quads = quads_of(slice);
  for (var quad = quads.x; quad < quads.y; quad++) {
#repeat j BLOCKS
    let a##j = read_a(a_at##j, quad);
#end
#if TRANSPOSE_B
#repeat e 4
    let t##e = read_b(b_at##e, quad);
#end
    let b0 = vec4(t0.x, t1.x, t2.x, t3.x);
    let b1 = vec4(t0.y, t1.y, t2.y, t3.y);
    let b2 = vec4(t0.z, t1.z, t2.z, t3.z);
    let b3 = vec4(t0.w, t1.w, t2.w, t3.w);
#else
#repeat e 4
    let b##e = read_b(b_at##e, quad);
#end
#endif
#repeat j BLOCKS
#repeat g GROUPS
#repeat e 4
    {
#if TRANSPOSE_A
      let x = vec4(subgroupBroadcast(a##j[e], 4u * g##u), subgroupBroadcast(a##j[e], 4u * g##u + 1u),
                   subgroupBroadcast(a##j[e], 4u * g##u + 2u), subgroupBroadcast(a##j[e], 4u * g##u + 3u));
#else
      let x = subgroupBroadcast(a##j, 4u * g##u + e##u);
#endif
      sum##j##_##g##_##e += x.x * b0 + x.y * b1 + x.z * b2 + x.w * b3;
    }
#end
#end
#end
  }
  // Stores stand in a loop because each costs the compiler of a software adapter tens of milliseconds (32 rows on lavapipe: 4 to 8
  // seconds unrolled, 1 in the loop).
  var sums = array<vec4<f32>, BLOCKS * LANES>(
#repeat j BLOCKS
#repeat g GROUPS
#repeat e 4
    sum##j##_##g##_##e,
#end
#end
#end
  );
  let count = select(0u, min(u32(BLOCKS * LANES), p.m - row), column < p.n);
  for (var r = 0u; r < count; r++) { store(result, row + r, column, sums[r]); }
}
