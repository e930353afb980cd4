// y[o, r, i] = EXPR(x[o, r, i], a[o, i], b[o, i]): what the gradients of reductions and the normalisations have in common.
// EXPR is an expression in x (where SOURCE), a and b and the number p.scale. x, y: [outer, reduce, inner]; a, b: [outer,
// inner]. LAYOUT 0: any shape, in f32; 1: inner is 1 and reduce a multiple of 4 (or outer 1 too); 2: inner is a multiple
// of 4. In layouts 1 and 2 lengths count vec4s. Grid as in elementwise/unary: four items an invocation.
#include "lib/index"
#if LAYOUT == 0
#define ITEM f32
#define OTHER f32
#elif LAYOUT == 1
#define ITEM vec4<f32>
#define OTHER f32
#else
#define ITEM vec4<f32>
#define OTHER vec4<f32>
#endif
struct Params { count: u32, reduce: u32, inner: u32, scale: f32 }
@group(0) @binding(0) var<storage, read> source: array<ITEM>; // anything where SOURCE is 0
@group(0) @binding(1) var<storage, read> first: array<OTHER>;
@group(0) @binding(2) var<storage, read> second: array<OTHER>;
@group(0) @binding(3) var<storage, read_write> target_: array<ITEM>;
var<immediate> p: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let start = linear_group(group, groups) * 256u + lane;
  for (var k = 0u; k < 4u; k++) {
    let i = start + k * 64u;
    if (i < p.count) {
#if LAYOUT == 1
      let at = i / p.reduce;
#else
      let at = (i / (p.reduce * p.inner)) * p.inner + i % p.inner;
#endif
#if SOURCE
      let x = source[i];
#endif
      let a = ITEM(first[at]);
      let b = ITEM(second[at]);
      target_[i] = EXPR;
    }
  }
}
