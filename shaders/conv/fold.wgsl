// The reverse of conv/unfold, and its gradient: x[b, c, y, x] = the sum of the entries of cols that were read from it, in a fixed
// order, without atomics. Shapes and parameters as there, but `count` counts elements of x.
#include "lib/index"
struct Params {
  count: u32, channels: u32, height: u32, width: u32, kernel_h: u32, kernel_w: u32, out_h: u32, out_w: u32,
  sy: u32, sx: u32, py: u32, px: u32,
}
@group(0) @binding(0) var<storage, read> source: array<f32>;
@group(0) @binding(1) var<storage, read_write> target_: array<f32>;
var<immediate> p: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let at = linear_group(group, groups) * 64u + lane;
  if (at >= p.count) { return; }
  var rest = at;
  let x = rest % p.width + p.px; rest = rest / p.width;
  let y = rest % p.height + p.py; rest = rest / p.height;
  let c = rest % p.channels;
  let b = rest / p.channels;
  var total = 0.0;
  // Kernel rows ky with y - ky a multiple of the stride, from the largest output row that covers y.
  for (var oy = min(y / p.sy, p.out_h - 1u); ; oy--) {
    let ky = y - oy * p.sy;
    if (ky >= p.kernel_h) { break; }
    for (var ox = min(x / p.sx, p.out_w - 1u); ; ox--) {
      let kx = x - ox * p.sx;
      if (kx >= p.kernel_w) { break; }
      let row = (b * p.out_h + oy) * p.out_w + ox;
      total += source[((row * p.channels + c) * p.kernel_h + ky) * p.kernel_w + kx];
      if (ox == 0u) { break; }
    }
    if (oy == 0u) { break; }
  }
  target_[at] = total;
}
