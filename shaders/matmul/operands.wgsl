// What the product kernels share: the operands, how they are read, and what is done with a result.
// C[batch, M, N] = scale·A·B (+ bias[n]) (then GELU, or times the slope of GELU) (+ residual) (+ C). A is [batch, M, K], or
// [batch, K, M] when TRANSPOSE_A; B is [batch, K, N], or [batch, N, K] when TRANSPOSE_B. a_batch, b_batch: elements from one
// matrix to the next, or 0. Everything is summed in 32-bit floats; A_TYPE, B_TYPE, C_TYPE: how A, B and C are stored.
// VEC4: the contiguous axes of A, B and C and the summed axis are multiples of 4, so everything moves by vec4; otherwise
// element by element, with zeros past the end of the summed axis.
// GELU: 0 none, 1 exact, 2 the tanh form (lib/gelu).
// BIAS, PRE, SLOPE, RESIDUAL: binding number of that tensor, 0 where there is none; PRE receives what GELU is applied to; with
// SLOPE the result is multiplied by the derivative of GELU there instead: the gradient of what stood before GELU.
// SUMS (matmul/subgroup, TRANSPOSE_A): binding of [results, M], which receives the sum of A over the summed axis: the gradient
// of a bias beside that of its weight.
// The summed axis is walked in quads of 4, and may be cut into slices of k_slice quads for more parallel work: then C is
// [slices, batch, M, N], which matmul/sum_slices adds up. `results` = slices · batch.
#include "lib/index"
#if GELU
#include "lib/gelu"
#endif
struct Params { m: u32, n: u32, k: u32, batch: u32, a_batch: u32, b_batch: u32, k_slice: u32, results: u32, scale: f32 }
#if VEC4
#define ITEM vec4<f32>
#define A_ITEM vec4<A_TYPE>
#define B_ITEM vec4<B_TYPE>
#define C_ITEM vec4<C_TYPE>
#else
#define ITEM f32
#define A_ITEM A_TYPE
#define B_ITEM B_TYPE
#define C_ITEM C_TYPE
#endif
@group(0) @binding(0) var<storage, read> a: array<A_ITEM>;
@group(0) @binding(1) var<storage, read> b: array<B_ITEM>;
@group(0) @binding(2) var<storage, read_write> c: array<C_ITEM>;
#if BIAS
@group(0) @binding(BIAS) var<storage, read> bias: array<ITEM>;
#endif
#if PRE
@group(0) @binding(PRE) var<storage, read_write> pre: array<ITEM>;
#endif
#if SLOPE
@group(0) @binding(SLOPE) var<storage, read> slope: array<ITEM>;
#endif
#if RESIDUAL
@group(0) @binding(RESIDUAL) var<storage, read> residual: array<ITEM>;
#endif
#if SUMS
@group(0) @binding(SUMS) var<storage, read_write> sums_of_a: array<ITEM>;
#endif
var<immediate> p: Params;

#if TRANSPOSE_A
#define A_ROWS p.k
#define A_WIDTH p.m
#define A_STEP p.m
#else
#define A_ROWS p.m
#define A_WIDTH p.k
#define A_STEP 1u
#endif
#if TRANSPOSE_B
#define B_ROWS p.n
#define B_WIDTH p.k
#define B_STEP 1u
#else
#define B_ROWS p.k
#define B_WIDTH p.n
#define B_STEP p.n
#endif

// A position in a stored operand: its row there (before any transposition) and the first of four neighbours in that row.
// `quad` steps of the summed axis further on stand `quad` × A_STEP (B_STEP) vec4s later, which is why a VEC4 position is one number.
// Past the end of an axis that is not summed the last row or quad is read again; those results are not stored.
#if VEC4
#define POSITION u32
fn a_position(matrix: u32, row: u32, column: u32) -> u32 {
  return (matrix * p.a_batch + min(row, A_ROWS - 1u) * A_WIDTH + min(column, A_WIDTH - 4u)) / 4u;
}
fn b_position(matrix: u32, row: u32, column: u32) -> u32 {
  return (matrix * p.b_batch + min(row, B_ROWS - 1u) * B_WIDTH + min(column, B_WIDTH - 4u)) / 4u;
}
fn read_a(at: u32, quad: u32) -> vec4<f32> { return vec4<f32>(a[at + quad * A_STEP]); }
fn read_b(at: u32, quad: u32) -> vec4<f32> { return vec4<f32>(b[at + quad * B_STEP]); }
#else
#define POSITION vec3<u32>
fn a_position(matrix: u32, row: u32, column: u32) -> vec3<u32> { return vec3(matrix * p.a_batch, row, column); }
fn b_position(matrix: u32, row: u32, column: u32) -> vec3<u32> { return vec3(matrix * p.b_batch, row, column); }
const four = vec4(0u, 1u, 2u, 3u);
fn read_a(at: vec3<u32>, quad: u32) -> vec4<f32> {
#if TRANSPOSE_A
  let row = at.y + 4u * quad;
  let column = at.z + four;
#else
  let row = at.y;
  let column = at.z + 4u * quad + four;
#endif
  let i = at.x + min(row, A_ROWS - 1u) * A_WIDTH + min(column, vec4(A_WIDTH - 1u));
  let x = vec4<f32>(vec4(a[i.x], a[i.y], a[i.z], a[i.w]));
#if TRANSPOSE_A
  return select(x, vec4(0.0), row >= p.k);
#else
  return select(x, vec4(0.0), column >= vec4(p.k));
#endif
}
fn read_b(at: vec3<u32>, quad: u32) -> vec4<f32> {
#if TRANSPOSE_B
  let row = at.y;
  let column = at.z + 4u * quad + four;
#else
  let row = at.y + 4u * quad;
  let column = at.z + four;
#endif
  let i = at.x + min(row, B_ROWS - 1u) * B_WIDTH + min(column, vec4(B_WIDTH - 1u));
  return vec4<f32>(vec4(b[i.x], b[i.y], b[i.z], b[i.w]));
}
#endif

// The place of a workgroup that makes `rows` × `columns` results: row tile, column tile, and which of the `results` matrices.
fn place_of(group: u32, rows: u32, columns: u32) -> vec3<u32> {
  let down = (p.m + rows - 1u) / rows;
  let tiles = down * ((p.n + columns - 1u) / columns);
  return vec3(group % tiles % down, group % tiles / down, group / tiles);
}

// Quads of the summed axis for a slice: first and end.
fn quads_of(slice: u32) -> vec2<u32> {
  return vec2(slice * p.k_slice, min((slice + 1u) * p.k_slice, (p.k + 3u) / 4u));
}

#if VEC4
// Stores four neighbours of row `row` of result matrix `matrix`, from column `column`, after the epilogue.
fn store(matrix: u32, row: u32, column: u32, sum: vec4<f32>) {
  if (row >= p.m || column >= p.n) { return; }
  let i = ((matrix * p.m + row) * p.n + column) / 4u;
  var x = sum * p.scale;
#if BIAS
  x += bias[column / 4u];
#endif
#if PRE
  pre[i] = x;
#endif
#if SLOPE
  x *= gelu_slope4(slope[i]);
#elif GELU
  x = gelu4(x);
#endif
#if RESIDUAL
  x += residual[i];
#endif
#if ACCUMULATE
  x += ITEM(c[i]);
#endif
  c[i] = C_ITEM(x);
}
#else
fn store_one(matrix: u32, row: u32, column: u32, sum: f32) {
  if (row >= p.m || column >= p.n) { return; }
  let i = (matrix * p.m + row) * p.n + column;
  var x = sum * p.scale;
#if BIAS
  x += bias[column];
#endif
#if PRE
  pre[i] = x;
#endif
#if SLOPE
  x *= gelu_slope4(vec4(slope[i])).x;
#elif GELU
  x = gelu4(vec4(x)).x;
#endif
#if RESIDUAL
  x += residual[i];
#endif
#if ACCUMULATE
  x += ITEM(c[i]);
#endif
  c[i] = C_ITEM(x);
}

fn store(matrix: u32, row: u32, column: u32, sum: vec4<f32>) {
  for (var j = 0u; j < 4u; j++) { store_one(matrix, row, column + j, sum[j]); }
}
#endif

#if SUMS
// Stores the sums of four neighbouring rows of A from row `row`.
fn store_sum(result: u32, row: u32, sum: vec4<f32>) {
#if VEC4
  if (row < p.m) { sums_of_a[(result * p.m + row) / 4u] = sum; }
#else
  for (var e = 0u; e < 4u; e++) {
    if (row + e < p.m) { sums_of_a[result * p.m + row + e] = sum[e]; }
  }
#endif
}
#endif
