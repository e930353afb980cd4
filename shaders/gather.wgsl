// y[o, j, i] = x[o, index(o, j, i), i] for x [outer, rows, inner] and y [outer, picks, inner]; the index is read at
// o·io + j·ij + i·ii, so one kernel serves gather (an index for every element) and index_select (one for a row).
// Elements of any 4-byte type; an index outside [0, rows) gives OUTSIDE (bits).
// VEC 1: inner is a multiple of 4 and ii is 0; inner is then in vec4s.
#include "lib/index"
struct Params { count: u32, rows: u32, picks: u32, inner: u32, io: u32, ij: u32, ii: u32 }
#if VEC
#define ITEM vec4<u32>
#else
#define ITEM u32
#endif
@group(0) @binding(0) var<storage, read> source: array<ITEM>;
@group(0) @binding(1) var<storage, read> indices: array<i32>;
@group(0) @binding(2) var<storage, read_write> target_: array<ITEM>;
var<immediate> p: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let first = linear_group(group, groups) * 256u + lane;
  for (var k = 0u; k < 4u; k++) {
    let at = first + k * 64u;
    if (at < p.count) {
      let i = at % p.inner;
      let j = (at / p.inner) % p.picks;
      let o = at / (p.inner * p.picks);
      let row = indices[o * p.io + j * p.ij + i * p.ii];
      var value = ITEM(OUTSIDE);
      if (row >= 0 && u32(row) < p.rows) { value = source[(o * p.rows + u32(row)) * p.inner + i]; }
      target_[at] = value;
    }
  }
}
