// Every element-by-element computation: OUTPUTS results of one shape from INPUTS operands with NumPy broadcasting. BODY is
// statements in x0, x1, … (an element of each operand) and numbers c0, c1, … (NUMBERS of them), on vec4s; RESULT0, … are the
// expressions that are stored. A single operation is a program, and so is a chain of them (src/ops/fuse).
//   TYPEk, LOADk  how operand k is bound and read:
//     of the result's shape  vec4s at i, whatever the shape is: only the last vec4 is incomplete, and padding takes it up
//     a single number        read once (HOIST)
//     repeated along axes    at an offset from a walk over the merged axes (lib/walk), which WALKS operands share. QUAD 1: the
//                            innermost axis is a multiple of 4, so the operand is a vec4 or one number for four elements
//                            there. QUAD 0: four elements, each at an offset of its own.
// A workgroup of 64 takes `span` vec4s, each invocation every 64th, in a loop whose length the compiler does not know.
// Measured by processor time against a copy of the same size in the same run:
//   lavapipe: adding two arrays, a row or a column 1.0 to 1.2 times the bytes a second of the copy; unrolled by four, with a division
//   for a row and scalars for a column, 0.8, 0.4 and 0.07. GELU 0.6, its erf being the rest. Four operations in one program take
//   0.4 to 0.5 of the time of four programs, 0.35 with their gradients.
//   SwiftShader: adding 1.0, GELU 0.5 of the copy; four operations in one 0.4, with gradients 0.5.
// Lost: Φ by an exponential (Abramowitz and Stegun 26.2.17) in place of erf: the same time forward, a sixth less backward.
#include "lib/index"
#include "lib/erf"
#include "lib/power"
#define ITEM vec4<f32>
struct Params {
  count: u32, span: u32,
#repeat k NUMBERS
  c##k: f32,
#end
#if WALKS
#repeat k RANK
  n##k: u32,
#end
#repeat j WALKS
#repeat k RANK
  s##j##_##k: u32,
#end
#end
#endif
}
#repeat k INPUTS
@group(0) @binding(##k) var<storage, read> in##k: array<TYPE##k>;
#end
#repeat k OUTPUTS
@group(0) @binding(BINDING##k) var<storage, read_write> out##k: array<OUT##k>;
#end
var<immediate> p: Params;
#if WALKS
#include "lib/walk"
#endif

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let begin = linear_group(group, groups) * p.span;
  let end = min(begin + p.span, p.count);
#repeat k NUMBERS
  let c##k = p.c##k;
#end
  HOIST
#if WALKS
  let n = Axes(
#repeat k RANK
    p.n##k,
#end
  );
#repeat j WALKS
  let s##j = Axes(
#repeat k RANK
    p.s##j##_##k,
#end
  );
#end
#endif
#if WALKS && QUAD
  let step = walk_at(64u, n);
  var walk = walk_at(begin + lane, n);
#elif WALKS
  let step = walk_at(INDEX(256u), n);
  var walk = walk_at((begin + lane) * 4u + INDEX(0u, 1u, 2u, 3u), n);
#endif
  for (var i = begin + lane; i < end; i += 64u) {
#if WALKS && !QUAD
    let inside = walk.LAST < INDEX(n.LAST); // not so for the elements after an incomplete vec4
#endif
#repeat j WALKS
#if QUAD
    let at##j = walk_to(walk, s##j);
#else
    let at##j = select(INDEX(0u), walk_to(walk, s##j), inside);
#endif
#end
#if WALKS
    walk = walk_on(walk, step, n);
#endif
#repeat k INPUTS
    let x##k = LOAD##k;
#end
    BODY
#repeat k OUTPUTS
    out##k[i] = RESULT##k;
#end
  }
}
