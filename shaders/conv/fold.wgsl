// The reverse of conv/unfold, and its gradient: x[b, c, y, x] = the sum of the entries of cols that were read from it, in a fixed order,
// without atomics. Shapes as there. Four elements of x an item; lib/walk over x, y and the planes (b, c), of lengths n0 to n2.
// UNIT 1: both strides are 1, which saves the divisions. QUAD 1: width is a multiple of 4; n0 is then width/4.
#include "lib/index"
struct Params {
  count: u32, span: u32, kernel_h: u32, kernel_w: u32, out_h: u32, out_w: u32, sy: u32, sx: u32, py: u32, px: u32,
  n0: u32, n1: u32, n2: u32,
}
#define RANK 3
#define OUTER 2
#define LAST x2
#if QUAD
#define INDEX u32
#else
#define INDEX vec4<u32>
#endif
@group(0) @binding(0) var<storage, read> source: array<f32>;
@group(0) @binding(1) var<storage, read_write> target_: array<vec4<f32>>;
var<immediate> p: Params;
#include "lib/walk"

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let begin = linear_group(group, groups) * p.span;
  let end = min(begin + p.span, p.count);
  let n = Axes(p.n0, p.n1, p.n2);
  let kernel_h = p.kernel_h;
  let kernel_w = p.kernel_w;
  let out_h = p.out_h;
  let out_w = p.out_w;
#if QUAD
  let step = walk_at(64u, n);
  var walk = walk_at(begin + lane, n);
#else
  let step = walk_at(INDEX(256u), n);
  var walk = walk_at((begin + lane) * 4u + INDEX(0u, 1u, 2u, 3u), n);
#endif
  for (var i = begin + lane; i < end; i += 64u) {
#if QUAD
    let x = vec4(walk.x0 * 4u + p.px) + vec4(0u, 1u, 2u, 3u);
#else
    let x = walk.x0 + p.px;
#endif
    let y = vec4<u32>(walk.x1 + p.py);
    let plane = vec4<u32>(walk.x2);
    walk = walk_on(walk, step, n);
    var total = vec4(0.0);
    for (var ky = 0u; ky < kernel_h; ky++) {
      let dy = y - vec4(ky); // wraps where the kernel does not reach, as in conv/unfold
#if UNIT
      let oy = dy;
      let row = (oy < vec4(out_h)) & (plane < vec4(n.x2));
#else
      let oy = dy / p.sy;
      let row = (oy < vec4(out_h)) & (oy * p.sy == dy) & (plane < vec4(n.x2));
#endif
      for (var kx = 0u; kx < kernel_w; kx++) {
        let dx = x - vec4(kx);
#if UNIT
        let ox = dx;
        let inside = row & (ox < vec4(out_w));
#else
        let ox = dx / p.sx;
        let inside = row & (ox < vec4(out_w)) & (ox * p.sx == dx);
#endif
        let line = ((plane * kernel_h + ky) * kernel_w + kx) * out_h;
        let at = select(vec4(0u), (line + oy) * out_w + ox, inside);
        let value = vec4(source[at.x], source[at.y], source[at.z], source[at.w]);
        total += select(vec4(0.0), value, inside);
      }
    }
    target_[i] = total;
  }
}
