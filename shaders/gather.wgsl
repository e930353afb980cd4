// y[o, j, i] = x[o, index(o, j, i), i] for x [outer, rows, inner] and y [outer, picks, inner], on elements of any 4-byte type. An index
// outside [0, rows) gives OUTSIDE (bits). y is walked over its merged axes (lib/walk); s: strides of x apart from the
// index, which is multiplied by `inner`.
//   FULL 1  gather: an index for every element of y. Four at a time: QUAD 1 where the innermost merged axis is a multiple of 4, so
//           that the four differ by `beside` in x
//   FULL 0  index_select: the index is read by strides t of its own. QUAD 1 where inner is a multiple of 4: lengths and strides are
//           in vec4s
//   QUAD 0  four elements, each walked by itself
// Grid as in elementwise/program.
#include "lib/index"
struct Params {
  count: u32, span: u32, size: u32, rows: u32, inner: u32,
#if FULL && QUAD
  beside: u32,
#endif
#repeat k RANK
  n##k: u32,
  s##k: u32,
#if !FULL
  t##k: u32,
#endif
#end
}
#if QUAD
#define INDEX u32
#else
#define INDEX vec4<u32>
#endif
#if QUAD && !FULL
#define ITEM vec4<u32>
#else
#define ITEM u32
#endif
#if FULL
#define NUMBERS vec4<i32>
#else
#define NUMBERS i32
#endif
@group(0) @binding(0) var<storage, read> source: array<ITEM>;
@group(0) @binding(1) var<storage, read> indices: array<NUMBERS>;
@group(0) @binding(2) var<storage, read_write> target_: array<vec4<u32>>;
var<immediate> p: Params;
#include "lib/walk"

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let begin = linear_group(group, groups) * p.span;
  let end = min(begin + p.span, p.count);
  let rows = p.rows;
  let inner = p.inner;
  let n = Axes(
#repeat k RANK
    p.n##k,
#end
  );
  let s = Axes(
#repeat k RANK
    p.s##k,
#end
  );
#if FULL && QUAD
  let beside = vec4(0u, 1u, 2u, 3u) * p.beside;
#elif !FULL
  let t = Axes(
#repeat k RANK
    p.t##k,
#end
  );
#endif
#if QUAD
  let step = walk_at(64u, n);
  var walk = walk_at(begin + lane, n);
#else
  let step = walk_at(INDEX(256u), n);
  var walk = walk_at((begin + lane) * 4u + INDEX(0u, 1u, 2u, 3u), n);
#endif
  let size = p.size;
  for (var i = begin + lane; i < end; i += 64u) {
    let at = walk_to(walk, s);
#if !FULL
    var place = walk_to(walk, t);
#endif
    walk = walk_on(walk, step, n);
#if QUAD && !FULL
    let row = u32(indices[place]); // a negative one is larger than any number of rows
    let inside = row < rows;
    let value = source[select(0u, at + row * inner, inside)];
#else
    let valid = vec4(i * 4u) + vec4(0u, 1u, 2u, 3u) < vec4(size);
#if FULL
    let row = vec4<u32>(indices[i]);
#else
    place = select(vec4(0u), place, valid);
    let row = vec4<u32>(vec4(indices[place.x], indices[place.y], indices[place.z], indices[place.w]));
#endif
    let inside = (row < vec4(rows)) & valid;
#if QUAD
    var place4 = vec4(at) + beside;
#else
    var place4 = at;
#endif
    place4 = select(vec4(0u), place4 + row * inner, inside);
    let value = vec4(source[place4.x], source[place4.y], source[place4.z], source[place4.w]);
#endif
    target_[i] = select(vec4<u32>(OUTSIDE), value, inside);
  }
}
