// Turns an index into lists of who points where, so that scatter_add can sum in a fixed order without atomics.
// For every slice of the index (there is one for each (o, i) that has indices of its own) and every chunk of its picks:
// head[chunk, row, slice] = the first pick j of the chunk with index row, or -1; next[j, slice] = the next such pick.
// One invocation walks one chunk backwards, so lists run forwards; neighbouring lanes are neighbouring slices.
// The index is read at o·io + j·ij + i·ii, slice = o·inner + i. Indices outside [0, rows) are in no list.
#include "lib/index"
struct Params { slices: u32, inner: u32, chunks: u32, length: u32, rows: u32, picks: u32, io: u32, ij: u32, ii: u32 }
@group(0) @binding(0) var<storage, read> indices: array<i32>;
@group(0) @binding(1) var<storage, read_write> head: array<i32>;
@group(0) @binding(2) var<storage, read_write> next: array<i32>;
var<immediate> p: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let id = linear_group(group, groups) * 64u + lane;
  if (id >= p.slices * p.chunks) { return; }
  let slice = id % p.slices;
  let chunk = id / p.slices;
  let base = chunk * p.rows * p.slices + slice;
  for (var row = 0u; row < p.rows; row++) { head[base + row * p.slices] = -1; }
  let origin = (slice / p.inner) * p.io + (slice % p.inner) * p.ii;
  let begin = min(chunk * p.length, p.picks);
  for (var j = min(begin + p.length, p.picks); j > begin; j--) {
    let row = indices[origin + (j - 1u) * p.ij];
    if (row >= 0 && u32(row) < p.rows) {
      let at = base + u32(row) * p.slices;
      next[(j - 1u) * p.slices + slice] = head[at];
      head[at] = i32(j - 1u);
    }
  }
}
