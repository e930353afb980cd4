// Gradient of softmax/columns, by the formulas of softmax/rows_backward. All [outer, reduce, items].
#include "lib/index"
#if VEC
#define ITEM vec4<f32>
#else
#define ITEM f32
#endif
#include "lib/order"
struct Params { count: u32, reduce: u32, items: u32 }
@group(0) @binding(0) var<storage, read> upstream: array<ITEM>;
@group(0) @binding(1) var<storage, read> output: array<ITEM>;
@group(0) @binding(2) var<storage, read_write> target_: array<ITEM>;
var<immediate> p: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let at = linear_group(group, groups) * 64u + lane;
  if (at >= p.count) { return; }
  let step = p.items;
  let first = (at / step) * p.reduce * step + at % step;
  let end = first + p.reduce * step;
  var total = ITEM(0.0);
  for (var i = first; i < end; i += step) {
#if LOG
    total += upstream[i];
#else
    total += upstream[i] * output[i];
#endif
  }
  for (var i = first; i < end; i += step) {
#if LOG
    let y = output[i];
    target_[i] = select(upstream[i] - exp(y) * total, y, is_nan(bitcast<KEY>(y)));
#else
    target_[i] = output[i] * (upstream[i] - total);
#endif
  }
}
