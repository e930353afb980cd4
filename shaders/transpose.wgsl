// Rearrangements that bring another axis to the end: target[…, t, …, i] = source[…, i, …, t], where the source is contiguous
// along t, the target along i, both lengths and all other offsets are multiples of 4. On elements of any 4-byte type.
// Register tiles of 4 × 4: four vec4s along t are loaded, transposed, and four vec4s along i stored. Neighbouring lanes
// store neighbours along i, and each goes through `each` tiles along t, so that both sides use whole cache lines.
// The walk (lib/walk) is over the target's merged axes, with tiles of 4 along i and runs of 4·each along t. s: source strides, o:
// target strides of those, `row` and `line`: source stride of i and target stride of t, all in vec4s.
// Measured on lavapipe, 1024²: 1.1 to 1.5 times the time of a copy; lanes along t take 1.3 to 3 times as long, blocks of 8 × 8
// lanes 2 times, and a tile in workgroup memory 10 times (on SwiftShader more than 100 times).
#include "lib/index"
#define INDEX u32
struct Params {
  count: u32, each: u32, start: u32, row: u32, line: u32,
#repeat k RANK
  n##k: u32,
  s##k: u32,
  o##k: u32,
#end
}
@group(0) @binding(0) var<storage, read> source: array<vec4<u32>>;
@group(0) @binding(1) var<storage, read_write> target_: array<vec4<u32>>;
var<immediate> p: Params;
#include "lib/walk"

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let i = linear_group(group, groups) * 64u + lane;
  if (i >= p.count) { return; }
  let each = p.each;
  let row = p.row;
  let line = p.line;
  let n = Axes(
#repeat k RANK
    p.n##k,
#end
  );
  let walk = walk_at(i, n);
  var at = p.start;
  var to = 0u;
#repeat k RANK
  at += walk.x##k * p.s##k;
  to += walk.x##k * p.o##k;
#end
  for (var k = 0u; k < each; k++) {
    let a = source[at];
    let b = source[at + row];
    let c = source[at + 2u * row];
    let d = source[at + 3u * row];
    target_[to] = vec4(a.x, b.x, c.x, d.x);
    target_[to + line] = vec4(a.y, b.y, c.y, d.y);
    target_[to + 2u * line] = vec4(a.z, b.z, c.z, d.z);
    target_[to + 3u * line] = vec4(a.w, b.w, c.w, d.w);
    at++;
    to += 4u * line;
  }
}
