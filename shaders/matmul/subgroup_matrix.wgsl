// C = A·B by subgroup matrices (tensor cores): half-precision operands, sums and epilogue in 32-bit floats. Eight subgroups of LANES
// lanes make TILE × TILE results (TILE 64 or 128), two down and four across, each an array of UNIT_M × UNIT_N matrices. A step
// of the summed axis is 32 values: both operands' parts are staged in workgroup memory, as they are stored (a transposed operand
// is read back column by column), and the next step's are fetched into registers meanwhile. Results pass through workgroup memory,
// one matrix a subgroup at a time, to the epilogue of matmul/operands. PER vec4s of each operand an invocation fetches a step.
// The summed axis must be a multiple of 32, A and B f16, everything aligned (VEC4); other products take matmul/shared.
// What adapters there were here have no subgroup matrices: this has been compiled and validated (Dawn's null backend), never run.
// It is chosen only where the tuner has tested its results and timed it.
#include "matmul/operands"
#define A_PITCH u32(A_LINE + 8)
#define B_PITCH u32(B_LINE + 8)
#if TRANSPOSE_A
#define A_LINE TILE
#define A_LINES 32
#define A_ORDER col_major
#else
#define A_LINE 32
#define A_LINES TILE
#define A_ORDER row_major
#endif
#if TRANSPOSE_B
#define B_LINE 32
#define B_LINES TILE
#define B_ORDER col_major
#else
#define B_LINE TILE
#define B_LINES 32
#define B_ORDER row_major
#endif
#define LEFT subgroup_matrix_left<f16, UNIT_K, UNIT_M>
#define RIGHT subgroup_matrix_right<f16, UNIT_N, UNIT_K>
#define RESULT subgroup_matrix_result<f32, UNIT_N, UNIT_M>
// Elements of a line and lines of the staged parts, with 8 of padding a line against bank conflicts.
var<workgroup> part_a: array<f16, A_LINES * (A_LINE + 8)>;
var<workgroup> part_b: array<f16, B_LINES * (B_LINE + 8)>;
var<workgroup> passing: array<f32, 8 * UNIT_M * UNIT_N>;

@compute @workgroup_size(8 * LANES)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) local: u32, @builtin(subgroup_invocation_id) lane: u32,
        @builtin(subgroup_id) subgroup: u32) {
  let place = place_of(linear_group(group, groups), u32(TILE), u32(TILE));
  if (place.z >= p.results) { return; }
  let row = place.x * u32(TILE);
  let column = place.y * u32(TILE);
  let matrix = place.z % p.batch;
  let quads = quads_of(place.z / p.batch);
  let down = subgroup / 4u * u32(TILE / 2);
  let across = subgroup % 4u * u32(TILE / 4);
#repeat i PER
  let a_line##i = (local + i##u * u32(8 * LANES)) / u32(A_LINE / 4);
  let a_part##i = (local + i##u * u32(8 * LANES)) % u32(A_LINE / 4);
  let b_line##i = (local + i##u * u32(8 * LANES)) / u32(B_LINE / 4);
  let b_part##i = (local + i##u * u32(8 * LANES)) % u32(B_LINE / 4);
#if TRANSPOSE_A
  let a_at##i = a_position(matrix, a_line##i, row + 4u * a_part##i);
#else
  let a_at##i = a_position(matrix, row + a_line##i, 4u * a_part##i);
#endif
#if TRANSPOSE_B
  let b_at##i = b_position(matrix, column + b_line##i, 4u * b_part##i);
#else
  let b_at##i = b_position(matrix, b_line##i, column + 4u * b_part##i);
#endif
  var next_a##i = vec4<f16>();
  var next_b##i = vec4<f16>();
#end
#repeat r TALL
#repeat s WIDE
  var sum##r##_##s = RESULT();
#end
#end
  for (var quad = quads.x; quad < quads.y + 8u; quad += 8u) {
    let first = quad == quads.x;
    if (!first) {
      workgroupBarrier();
#repeat i PER
#repeat e 4
      part_a[a_line##i * A_PITCH + 4u * a_part##i + e##u] = next_a##i[e];
      part_b[b_line##i * B_PITCH + 4u * b_part##i + e##u] = next_b##i[e];
#end
#end
      workgroupBarrier();
    }
    if (quad < quads.y) {
#repeat i PER
      next_a##i = a[a_at##i + quad * A_STEP];
      next_b##i = b[b_at##i + quad * B_STEP];
#end
    }
    if (!first) {
      for (var k = 0u; k < 32u; k += u32(UNIT_K)) {
#repeat r TALL
#if TRANSPOSE_A
        let left##r = subgroupMatrixLoad<LEFT, A_ORDER>(&part_a, k * A_PITCH + down + u32(r * UNIT_M), A_PITCH);
#else
        let left##r = subgroupMatrixLoad<LEFT, A_ORDER>(&part_a, (down + u32(r * UNIT_M)) * A_PITCH + k, A_PITCH);
#endif
#end
#repeat s WIDE
#if TRANSPOSE_B
        let right##s = subgroupMatrixLoad<RIGHT, B_ORDER>(&part_b, (across + u32(s * UNIT_N)) * B_PITCH + k, B_PITCH);
#else
        let right##s = subgroupMatrixLoad<RIGHT, B_ORDER>(&part_b, k * B_PITCH + across + u32(s * UNIT_N), B_PITCH);
#endif
#repeat r TALL
        sum##r##_##s = subgroupMatrixMultiplyAccumulate(left##r, right##s, sum##r##_##s);
#end
#end
      }
    }
  }
#repeat r TALL
#repeat s WIDE
  workgroupBarrier();
  subgroupMatrixStore<row_major>(&passing, subgroup * u32(UNIT_M * UNIT_N), sum##r##_##s, u32(UNIT_N));
  workgroupBarrier();
  for (var i = 4u * lane; i < u32(UNIT_M * UNIT_N); i += u32(4 * LANES)) {
    let at = subgroup * u32(UNIT_M * UNIT_N) + i;
    store(place.z, row + down + u32(r * UNIT_M) + i / u32(UNIT_N), column + across + u32(s * UNIT_N) + i % u32(UNIT_N),
          vec4(passing[at], passing[at + 1u], passing[at + 2u], passing[at + 3u]));
  }
#end
#end
}
