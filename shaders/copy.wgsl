// Strided walks (lib/walk) over at most six merged axes, on elements of any 4-byte type. The other side is contiguous: item i is
// its vec4 i.
// PLACE 0: target[linear] = source[strided]: slice, broadcast and every other rearrangement of the source.
// PLACE 1: target[strided] = source[linear]: the reverse, for concat, pad and the gradients of slices.
//   QUAD 2  the innermost axis is contiguous on both sides and a multiple of 4, as are all offsets: lengths and strides in vec4s
//   QUAD 1  the innermost axis is a multiple of 4 and repeats one element (PLACE 0): its length in vec4s
//   QUAD 0  anything: four elements, each at an offset of its own
// start: the first element (or vec4) of the strided side; strides may be negative, by arithmetic modulo 2³².
// Grid as in elementwise/program. A division for every axis and item instead of the walk took 2 to 6 times as long.
#include "lib/index"
struct Params {
  count: u32, span: u32, start: u32,
#repeat k RANK
  n##k: u32,
  s##k: u32,
#end
#if !QUAD
  size: u32, // elements
#endif
}
#if QUAD == 2
#define STRIDED vec4<u32>
#else
#define STRIDED u32
#endif
#if QUAD
#define INDEX u32
#else
#define INDEX vec4<u32>
#endif
#if PLACE
@group(0) @binding(0) var<storage, read> source: array<vec4<u32>>;
@group(0) @binding(1) var<storage, read_write> target_: array<STRIDED>;
#else
@group(0) @binding(0) var<storage, read> source: array<STRIDED>;
@group(0) @binding(1) var<storage, read_write> target_: array<vec4<u32>>;
#endif
var<immediate> p: Params;
#include "lib/walk"

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let begin = linear_group(group, groups) * p.span;
  let end = min(begin + p.span, p.count);
  let start = p.start;
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
#if QUAD
  let step = walk_at(64u, n);
  var walk = walk_at(begin + lane, n);
#else
  let size = p.size;
  let step = walk_at(INDEX(256u), n);
  var walk = walk_at((begin + lane) * 4u + INDEX(0u, 1u, 2u, 3u), n);
#endif
  for (var i = begin + lane; i < end; i += 64u) {
    var at = start + walk_to(walk, s);
    walk = walk_on(walk, step, n);
#if QUAD && PLACE
    target_[at] = source[i];
#elif QUAD
    target_[i] = vec4<u32>(source[at]);
#elif PLACE
    let values = source[i];
    let left = size - i * 4u;
    target_[at.x] = values.x;
    if (left > 1u) { target_[at.y] = values.y; }
    if (left > 2u) { target_[at.z] = values.z; }
    if (left > 3u) { target_[at.w] = values.w; }
#else
    let inside = vec4(i * 4u) + INDEX(0u, 1u, 2u, 3u) < vec4(size);
    at = select(INDEX(start), at, inside);
    target_[i] = vec4(source[at.x], source[at.y], source[at.z], source[at.w]);
#endif
  }
}
