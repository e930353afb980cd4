// One Adam step (Kingma and Ba, 2015) of many runs, each with its own learning rate and its own L2 penalty, which is added to the
// gradient. weights, moments and gradients: [runs, quads] of vec4, of which the first p.live of each run are trained.
// runs: learning rate, L2, 1 where the run goes on. now: 3 1/(1-β₁ᵗ), 4 1/√(1-β₂ᵗ), 5 zero where nothing is to be done.
// rest1 = 1-β₁ and rest2 = 1-β₂ as in optim/update. Grid as in elementwise/program.
#include "lib/index"
struct Params {
  count: u32, span: u32, quads: u32, live: u32, beta1: f32, beta2: f32, rest1: f32, rest2: f32, eps: f32
}
@group(0) @binding(0) var<storage, read> gradient: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> now: array<u32>;
@group(0) @binding(2) var<storage, read> runs: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> value: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> first: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read_write> second: array<vec4<f32>>;
var<immediate> p: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  if (now[5] == 0u) { return; }
  let rise = bitcast<f32>(now[3]);
  let root = bitcast<f32>(now[4]);
  let begin = linear_group(group, groups) * p.span;
  let end = min(begin + p.span, p.count);
  for (var i = begin + lane; i < end; i += 64u) {
    let run = runs[i / p.quads];
    if (run.z == 0.0 || i % p.quads >= p.live) { continue; }
    let w = value[i];
    let g = gradient[i] + run.y * w;
    let m = p.beta1 * first[i] + p.rest1 * g;
    let v = p.beta2 * second[i] + p.rest2 * g * g;
    first[i] = m;
    second[i] = v;
    value[i] = w - run.x * rise * m / (sqrt(v) * root + p.eps);
  }
}
