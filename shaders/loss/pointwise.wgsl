// A loss element by element, or its gradient: y = EXPR(x, t, w, g). x: input; t: target of the same shape; w: weights that
// repeat along the last axis with `period` items (WEIGHTED; else 1); g: the upstream gradient, one number or, where EACH,
// an element each; p.scale. ITEM is vec4 where sizes and period allow. PAIR: −y is written too, to another tensor. Grid as in
// elementwise/unary: 64 lanes, four items each, in a loop that the compiler does not unroll (four copies took lavapipe's three
// times as long).
#include "lib/index"
#if VEC
#define ITEM vec4<f32>
#else
#define ITEM f32
#endif
struct Params { count: u32, period: u32, scale: f32 }
@group(0) @binding(0) var<storage, read> input: array<ITEM>;
@group(0) @binding(1) var<storage, read> wanted: array<ITEM>;
@group(0) @binding(2) var<storage, read> weights: array<ITEM>;
#if EACH
@group(0) @binding(3) var<storage, read> upstream: array<ITEM>;
#else
@group(0) @binding(3) var<storage, read> upstream: array<f32>;
#endif
@group(0) @binding(4) var<storage, read_write> target_: array<ITEM>;
#if PAIR
@group(0) @binding(5) var<storage, read_write> negated: array<ITEM>;
#endif
var<immediate> p: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let first = linear_group(group, groups) * 256u + lane;
#if !EACH
  let g = ITEM(upstream[0]);
#endif
  for (var i = first; i < min(first + 256u - lane, p.count); i += 64u) {
    let x = input[i];
    let t = wanted[i];
#if EACH
    let g = upstream[i];
#endif
#if WEIGHTED
    let w = weights[i % p.period];
#else
    let w = ITEM(1.0);
#endif
    let y = EXPR;
    target_[i] = y;
#if PAIR
    negated[i] = -y;
#endif
  }
}
