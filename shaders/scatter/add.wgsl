// y[o, r, i] = x[o, r, i] + the sum of src[o, j, i] over the picks j that point at row r, in ascending order, by following the
// lists that scatter/lists made. x and y are [outer, rows, inner], src is [outer, picks, inner]; so and si say which slice of
// lists (o, i) uses (0 where all share one). ADD 0: x counts as zero and is not bound.
// VEC 1: inner is a multiple of 4 and si is 0; inner is then in vec4s.
#include "lib/index"
struct Params {
  count: u32, inner: u32, rows: u32, picks: u32, slices: u32, chunks: u32, so: u32, si: u32,
}
#if VEC
#define ITEM vec4<f32>
#else
#define ITEM f32
#endif
@group(0) @binding(0) var<storage, read> source: array<ITEM>;
@group(0) @binding(1) var<storage, read> head: array<i32>;
@group(0) @binding(2) var<storage, read> next: array<i32>;
@group(0) @binding(3) var<storage, read_write> target_: array<ITEM>;
#if ADD
@group(0) @binding(4) var<storage, read> start: array<ITEM>;
#endif
var<immediate> p: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let at = linear_group(group, groups) * 64u + lane;
  if (at >= p.count) { return; }
  let i = at % p.inner;
  let row = (at / p.inner) % p.rows;
  let o = at / (p.inner * p.rows);
  let slice = o * p.so + i * p.si;
  let first = o * p.picks * p.inner + i;
#if ADD
  var total = start[at];
#else
  var total = ITEM();
#endif
  for (var chunk = 0u; chunk < p.chunks; chunk++) {
    var j = head[(chunk * p.rows + row) * p.slices + slice];
    while (j >= 0) {
      total += source[first + u32(j) * p.inner];
      j = next[u32(j) * p.slices + slice];
    }
  }
  target_[at] = total;
}
