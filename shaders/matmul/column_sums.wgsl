// sums[n] = Σ over rows of x[row, n]: the gradient of a bias. One invocation for each column.
struct Params { rows: u32, columns: u32 }
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> sums: array<f32>;
var<immediate> p: Params;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  if (id.x >= p.columns) { return; }
  var total = 0.0;
  for (var row = 0u; row < p.rows; row++) {
    total += x[row * p.columns + id.x];
  }
  sums[id.x] = total;
}
