// sums[slice, n] = Σ over a slice of the rows of x[row, n]: the gradient of a bias. One invocation for each slice and each quad of
// columns (VEC4) or column; workgroup y is the slice, of slice_rows rows. matmul/sum_slices adds several slices up.
#if VEC4
#define ITEM vec4<f32>
#else
#define ITEM f32
#endif
struct Params { rows: u32, columns: u32, slice_rows: u32 }
@group(0) @binding(0) var<storage, read> x: array<ITEM>;
@group(0) @binding(1) var<storage, read_write> sums: array<ITEM>;
var<immediate> p: Params;

@compute @workgroup_size(WIDTH)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(workgroup_id) group: vec3<u32>) {
  if (id.x >= p.columns) { return; }
  var total = ITEM(0.0);
  let end = min((group.y + 1u) * p.slice_rows, p.rows);
  for (var row = group.y * p.slice_rows; row < end; row++) { total += x[row * p.columns + id.x]; }
  sums[group.y * p.columns + id.x] = total;
}
