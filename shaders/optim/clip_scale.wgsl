// From the partial sums of squares: clip = (norm, min(1, max_norm / (norm + 1e-6))), the scale that torch's
// clip_grad_norm_ applies. One workgroup of WIDTH.
struct Params { chunks: u32, max_norm: f32 }
@group(0) @binding(0) var<storage, read> partial: array<f32>;
@group(0) @binding(1) var<storage, read_write> clip: array<f32>;
var<immediate> p: Params;
var<workgroup> lanes: array<f32, WIDTH>;

@compute @workgroup_size(WIDTH)
fn main(@builtin(local_invocation_index) lane: u32) {
  var total = 0.0;
  for (var c = lane; c < p.chunks; c += u32(WIDTH)) { total += partial[c]; }
  lanes[lane] = total;
  workgroupBarrier();
  if (lane == 0u) {
    var sum = 0.0;
    for (var k = 0u; k < u32(WIDTH); k++) { sum += lanes[k]; }
    let norm = sqrt(sum);
    clip[0] = norm;
    clip[1] = min(1.0, p.max_norm / (norm + 1e-6));
  }
}
