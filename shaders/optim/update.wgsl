// One optimiser step over the whole parameter arena, vec4 by vec4. What lies between two parameters is updated too: nobody
// reads it, and a table of where parameters start cost a quarter of the time.
// RULE 0: SGD with momentum (first moment only; p.beta1 = momentum, NESTEROV 0/1)
// RULE 1: Adam (Kingma and Ba, 2015), weight decay as L2 in the gradient
// RULE 2: AdamW (Loshchilov and Hutter, 2019), decay applied to the weights apart from the gradient
// now = (lr, rate, root, first), which differ from step to step and so are memory, not parameters: rate = lr/(1-β₁ᵗ) and
// root = 1/√(1-β₂ᵗ) for Adam; first = 1 on the first SGD step, where momentum starts at g.
// rest1 = 1-β₁ and rest2 = 1-β₂, taken in float64: of 0.999 in float32 only four digits of the rest would be right.
// CLIP 1 multiplies gradients by clip[1], and leaves everything as it is where the norm clip[0] is not finite: by its bits, because
// compilers may take it that numbers are finite. Bandwidth: 4 loads and 3 stores an element. Grid as in elementwise/program.
#include "lib/index"
struct Now { lr: f32, rate: f32, root: f32, first: f32 }
struct Params { count: u32, span: u32, beta1: f32, beta2: f32, rest1: f32, rest2: f32, eps: f32, decay: f32 }
@group(0) @binding(0) var<storage, read> gradient: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> clip: array<f32>;
@group(0) @binding(2) var<storage, read> now: Now;
@group(0) @binding(3) var<storage, read_write> value: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> first: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read_write> second: array<vec4<f32>>;
var<immediate> p: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let begin = linear_group(group, groups) * p.span;
  let end = min(begin + p.span, p.count);
  let step = now;
  let beta1 = p.beta1;
  let beta2 = p.beta2;
  let eps = p.eps;
  let decay = p.decay;
#if CLIP
  if ((bitcast<u32>(clip[0]) & 0x7f800000u) == 0x7f800000u) { return; }
  let scale = clip[1];
#endif
  for (var i = begin + lane; i < end; i += 64u) {
    var w = value[i];
    var g = gradient[i];
#if CLIP
    g *= scale;
#endif
#if RULE == 2
    w -= step.lr * decay * w;
#else
    g += decay * w;
#endif
#if RULE == 0
    let m = select(beta1 * first[i] + g, g, step.first == 1.0);
    first[i] = m;
#if NESTEROV
    w -= step.lr * (g + beta1 * m);
#else
    w -= step.lr * m;
#endif
#else
    let m = beta1 * first[i] + p.rest1 * g;
    let v = beta2 * second[i] + p.rest2 * g * g;
    first[i] = m;
    second[i] = v;
    w -= step.rate * m / (sqrt(v) * step.root + eps);
#endif
    value[i] = w;
  }
}
