// h = max(h, 0), and while training (DROP 1) dropout after it, in place, over [runs, units, quads] of vec4 examples. The units from p.live
// on carry the one that the next layer's bias multiplies and are never dropped. Draws as in probe/draw, with key now[1]; runs:
// variant of a run = run / p.each; variants: source, threshold and scale. One item does its place in all runs, and so draws once.
#include "lib/index"
#include "lib/hash"
struct Params { count: u32, quads: u32, live: u32, runs: u32, each: u32 }
@group(0) @binding(0) var<storage, read_write> h: array<vec4<f32>>;
#if DROP
@group(0) @binding(1) var<storage, read> now: array<u32>;
@group(0) @binding(2) var<storage, read> variants: array<vec4<u32>>;
#endif
var<immediate> p: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = linear_group(group, groups) * 64u + lane;
  if (i >= p.count) { return; }
#if DROP
  let drawn = hash4(hash4(vec4(i * 4u) + vec4(0u, 1u, 2u, 3u)) ^ vec4(now[1]));
  let drops = i / p.quads < p.live;
#endif
  for (var r = 0u; r < p.runs; r++) {
    let at = r * p.count + i;
    var value = max(h[at], vec4(0.0));
#if DROP
    let variant = variants[r / p.each];
    if (drops) { value = select(vec4(0.0), value * bitcast<f32>(variant.z), drawn >= vec4(variant.y)); }
#endif
    h[at] = value;
  }
}
