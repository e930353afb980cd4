// C = A·B for a batch, one element an invocation: works everywhere, and is what the fast kernels are measured against.
// a: [batch, M, K] (or [batch, K, M] when TRANSPOSE_A), b: [batch, K, N] (or [batch, N, K]), c: [batch, M, N].
// BIAS: adds bias[n].
struct Params { m: u32, n: u32, k: u32, a_batch: u32, b_batch: u32 }
@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read> b: array<f32>;
@group(0) @binding(2) var<storage, read_write> c: array<f32>;
#if BIAS
@group(0) @binding(3) var<storage, read> bias: array<f32>;
#endif
var<immediate> p: Params;

@compute @workgroup_size(8, 8)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  if (id.x >= p.n || id.y >= p.m) { return; }
  var total = 0.0;
  for (var k = 0u; k < p.k; k++) {
#if TRANSPOSE_A
    let left = a[id.z * p.a_batch + k * p.m + id.y];
#else
    let left = a[id.z * p.a_batch + id.y * p.k + k];
#endif
#if TRANSPOSE_B
    let right = b[id.z * p.b_batch + id.x * p.k + k];
#else
    let right = b[id.z * p.b_batch + k * p.n + id.x];
#endif
    total += left * right;
  }
#if BIAS
  total += bias[id.x];
#endif
  c[(id.z * p.m + id.y) * p.n + id.x] = total;
}
