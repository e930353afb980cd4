// values[clip, i] = max(values[clip, i], max over the clip − top_db), in place: the dynamic range limit of decibels. One
// workgroup for each clip walks it twice.
#include "lib/index"
struct Params { count: u32, clips: u32, top_db: f32 }
@group(0) @binding(0) var<storage, read_write> values: array<f32>;
var<immediate> p: Params;
var<workgroup> highest: array<f32, WIDTH>;

@compute @workgroup_size(WIDTH)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let clip = linear_group(group, groups);
  if (clip >= p.clips) { return; }
  let first = clip * p.count;
  var most = -3.4e38;
  for (var i = lane; i < p.count; i += WIDTH) { most = max(most, values[first + i]); }
  highest[lane] = most;
  workgroupBarrier();
  for (var i = 0u; i < WIDTH; i++) { most = max(most, highest[i]); }
  let least = most - p.top_db;
  for (var i = lane; i < p.count; i += WIDTH) { values[first + i] = max(values[first + i], least); }
}
