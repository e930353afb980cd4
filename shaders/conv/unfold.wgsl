// The patches under a convolution's kernel as rows: cols[b, (oy, ox), (c, ky, kx)] = x[b, c, oy·sy - py + ky, ox·sx - px + kx], 0 outside.
// x: [batch, channels, height, width]; cols: [batch, out_h·out_w, channels·kernel_h·kernel_w]. Four elements an invocation.
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
  let first = linear_group(group, groups) * 256u + lane;
  for (var k = 0u; k < 4u; k++) {
    let at = first + k * 64u;
    if (at < p.count) {
      var rest = at;
      let kx = rest % p.kernel_w; rest = rest / p.kernel_w;
      let ky = rest % p.kernel_h; rest = rest / p.kernel_h;
      let c = rest % p.channels; rest = rest / p.channels;
      let ox = rest % p.out_w; rest = rest / p.out_w;
      let oy = rest % p.out_h;
      let b = rest / p.out_h;
      // Unsigned: what lies before the edge wraps to a huge number and fails the same test as what lies behind it.
      let y = oy * p.sy + ky - p.py;
      let x = ox * p.sx + kx - p.px;
      var value = 0.0;
      if (y < p.height && x < p.width) {
        value = source[((b * p.channels + c) * p.height + y) * p.width + x];
      }
      target_[at] = value;
    }
  }
}
