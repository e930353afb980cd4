// softmax (log_softmax where LOG) along the middle axis. x, y: [outer, reduce, items] of vec4 or f32. One invocation a
// column of items: the lanes of a subgroup read neighbours. Three passes over the column.
// NaN as in softmax/rows.
#include "lib/index"
#if VEC
#define ITEM vec4<f32>
#else
#define ITEM f32
#endif
#include "lib/order"
#if VEC
#define UNKEY bits_of4
#define NONE has_no_softmax4
#else
#define UNKEY bits_of
#define NONE has_no_softmax
#endif
struct Params { count: u32, reduce: u32, items: u32 }
@group(0) @binding(0) var<storage, read> source: array<ITEM>;
@group(0) @binding(1) var<storage, read_write> target_: array<ITEM>;
var<immediate> p: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let at = linear_group(group, groups) * 64u + lane;
  if (at >= p.count) { return; }
  let step = p.items;
  let first = (at / step) * p.reduce * step + at % step;
  let end = first + p.reduce * step;
  var key = KEY(0u);
  for (var i = first; i < end; i += step) { key = max(key, key_of(bitcast<KEY>(source[i]))); }
  let top = bitcast<ITEM>(UNKEY(key));
  var total = ITEM(0.0);
  for (var i = first; i < end; i += step) { total += exp(source[i] - top); }
#if LOG
  let share = log(total);
#else
  let share = 1.0 / total;
#endif
  let scale = bitcast<ITEM>(select(bitcast<KEY>(share), KEY(nan_bits), NONE(key)));
  for (var i = first; i < end; i += step) {
    let x = source[i] - top;
#if LOG
    target_[i] = x - scale;
#else
    target_[i] = exp(x) * scale;
#endif
  }
}
