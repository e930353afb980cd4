// C = A·B by subgroups without workgroup memory: a subgroup of LANES lanes owns BLOCKS·LANES rows × QUADS·4·LANES columns. For
// each quad of the summed axis lane s loads, of every block of rows, one vec4 of A, and for each of QUADS the four vec4 of B at its
// own four columns; each value of A is handed to all lanes by subgroupBroadcast. Needs subgroups of exactly LANES (4, 8 or 16).
// GROUPS = LANES / 4.
// A transposed: lane 4g + e loads A[4q + e][row…row + 3], so that a value comes from lane 4g + e and component of the row.
// B transposed: lane loads four rows of B along the summed axis, and the 4×4 transposition costs only names of registers.
// Measured, GFLOP/s by processor time on two cores (2·M·N·K / time · 2): lavapipe (8 lanes, 4 blocks, 1 quad) 256³ 29, 512³ 26 to 38,
// 1024³ 28, A·Bᵀ 28, Aᵀ·B 33, 53 to 59 % of what its FMA loop reaches beside it; 1 block 0.6 to 0.75 times that, 8 blocks 0.85 at twice
// the compile time, 2 quads 0.65 to 0.8. SwiftShader (4 lanes, 8 blocks, 2 quads) 4.4 to 5.2 for 512³, 1024³, A·Bᵀ and Aᵀ·B, 61 to 70 %
// of its FMA loop; with 1 quad 3.3 to 4.7 (loads are its dearest instruction, and twice the columns share those of A), 16 blocks
// gain up to 8 % more for twice the compile time, 1 block 2.3. Off the multiples of 4 (197 × 211 × 193) 45 and 38 % of the FMA loop.
// A transformer's layers of 512 rows, width 96: lavapipe 22 to 40, SwiftShader 3.7 to 5.2; a tile costs about 3 µs beside its
// loop there, a quarter of the time at 96 summed values. One, two, four or eight subgroups a workgroup take the same time.
// SUMS adds what an addition for each load of A costs, which is not measurable, and saves two or three dispatches.
#include "matmul/operands"

@compute @workgroup_size(WIDTH)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(subgroup_invocation_id) lane: u32,
        @builtin(local_invocation_index) local: u32) {
  let row_tiles = (p.m + u32(BLOCKS * LANES) - 1u) / u32(BLOCKS * LANES);
  let column_tiles = (p.n + u32(4 * LANES * QUADS) - 1u) / u32(4 * LANES * QUADS);
  let share = (row_tiles * column_tiles + u32(WIDTH / LANES) - 1u) / u32(WIDTH / LANES); // workgroups for each result
  let result = linear_group(group, groups) / share;
  if (result >= p.results) { return; }
  let tile = linear_group(group, groups) % share * u32(WIDTH / LANES) + local / u32(LANES);
  let row = tile % row_tiles * u32(BLOCKS * LANES);
  let column = (tile / row_tiles * u32(LANES * QUADS) + lane) * 4u;
  let matrix = result % p.batch;
  let slice = result / p.batch;
#repeat j BLOCKS
#if TRANSPOSE_A
  let a_at##j = a_position(matrix, lane % 4u, row + j##u * u32(LANES) + lane / 4u * 4u);
#else
  let a_at##j = a_position(matrix, row + j##u * u32(LANES) + lane, 0u);
#endif
#if SUMS
  var own_sum##j = vec4(0.0);
#endif
#repeat g GROUPS
#repeat e 4
#repeat h QUADS
  var sum##j##_##g##_##e##_##h = vec4(0.0);
#end
#end
#end
#end
#repeat h QUADS
#repeat e 4
#if TRANSPOSE_B
  let b_at##h##_##e = b_position(matrix, column + u32(h * 4 * LANES) + e##u, 0u);
#else
  let b_at##h##_##e = b_position(matrix, e##u, column + u32(h * 4 * LANES));
#endif
#end
#end
  let quads = quads_of(slice);
  for (var quad = quads.x; quad < quads.y; quad++) {
#repeat j BLOCKS
    let a##j = read_a(a_at##j, quad);
#if SUMS
    own_sum##j += a##j;
#endif
#end
#repeat h QUADS
#if TRANSPOSE_B
#repeat e 4
    let t##h##_##e = read_b(b_at##h##_##e, quad);
#end
    let b##h##_0 = vec4(t##h##_0.x, t##h##_1.x, t##h##_2.x, t##h##_3.x);
    let b##h##_1 = vec4(t##h##_0.y, t##h##_1.y, t##h##_2.y, t##h##_3.y);
    let b##h##_2 = vec4(t##h##_0.z, t##h##_1.z, t##h##_2.z, t##h##_3.z);
    let b##h##_3 = vec4(t##h##_0.w, t##h##_1.w, t##h##_2.w, t##h##_3.w);
#else
#repeat e 4
    let b##h##_##e = read_b(b_at##h##_##e, quad);
#end
#endif
#end
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
#repeat h QUADS
      sum##j##_##g##_##e##_##h += x.x * b##h##_0 + x.y * b##h##_1 + x.z * b##h##_2 + x.w * b##h##_3;
#end
    }
#end
#end
#end
  }
#if SUMS
  // The four lanes that hold the same four rows, at four places of the summed axis.
#repeat j BLOCKS
  let pair##j = own_sum##j + subgroupShuffleXor(own_sum##j, 1u);
  let whole##j = pair##j + subgroupShuffleXor(pair##j, 2u);
#end
  if (tile < row_tiles && lane % 4u == 0u) {
#repeat j BLOCKS
    store_sum(result, row + j##u * u32(LANES) + lane, whole##j);
#end
  }
#endif
  // Stores stand in a loop because each costs the compiler of a software adapter tens of milliseconds (32 rows on lavapipe: 4 to 8
  // seconds unrolled, 1 in the loop).
  var sums = array<vec4<f32>, BLOCKS * LANES * QUADS>(
#repeat j BLOCKS
#repeat g GROUPS
#repeat e 4
#repeat h QUADS
    sum##j##_##g##_##e##_##h,
#end
#end
#end
#end
  );
  let count = select(0u, min(u32(BLOCKS * LANES), p.m - row), column < p.n);
#if QUADS == 1
  for (var r = 0u; r < count; r++) { store(result, row + r, column, sums[r]); }
#else
  for (var r = 0u; r < count * u32(QUADS); r++) {
    store(result, row + r / u32(QUADS), column + r % u32(QUADS) * u32(4 * LANES), sums[r]);
  }
#endif
}
