// y = x·scale where kept, else 0, four elements an item. SEEDED 0: kept where `mask` is not zero. SEEDED 1 and 2: kept where a
// hash of (key, position) is at least `threshold`; the same key gives the same mask, so the gradient draws it again instead of
// storing it. The key is a parameter (1) or, where it changes from run to run of a recorded program, in memory (2). The hash is
// two rounds of lib/hash. Padded to a multiple of 4. Grid as in elementwise/program.
#include "lib/index"
#include "lib/hash"
struct Params {
  count: u32, span: u32, scale: f32,
#if SEEDED >= 1
  threshold: u32,
  first: u32, // of a tensor's elements
#endif
#if SEEDED == 1
  key: u32,
#endif
}
@group(0) @binding(0) var<storage, read> source: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> target_: array<vec4<f32>>;
#if SEEDED == 0
@group(0) @binding(2) var<storage, read> mask: array<vec4<u32>>;
#endif
#if SEEDED == 2
@group(0) @binding(2) var<storage, read> keys: array<u32>;
#endif
var<immediate> p: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let begin = linear_group(group, groups) * p.span;
  let end = min(begin + p.span, p.count);
  let scale = p.scale;
#if SEEDED >= 1
  let threshold = vec4(p.threshold);
  let first = p.first;
#endif
#if SEEDED == 1
  let key = vec4(p.key);
#elif SEEDED == 2
  let key = vec4(keys[0]);
#endif
  for (var i = begin + lane; i < end; i += 64u) {
#if SEEDED == 0
    let kept = (mask[i] & vec4(0x7fffffffu)) != vec4(0u);
#else
    let kept = hash4(hash4(vec4(first + i * 4u) + vec4(0u, 1u, 2u, 3u)) ^ key) >= threshold;
#endif
    target_[i] = select(vec4(0.0), source[i] * scale, kept);
  }
}
