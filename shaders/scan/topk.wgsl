// The k largest (p.sign 1) or smallest (-1) of every run of at most `chunk` elements, in order, with their places; of equal
// ones the first. x: [rows, n], cut into `parts` runs; values, indices: [rows, parts, k]. One invocation an element: it
// counts what comes before it, and stores itself there if that is among the first k. Places that a short run leaves are
// filled with what loses to everything. Longer rows take several launches, the later ones INDEXED: indices come along.
// The work is n·chunk a row: meant for a small k, not for sorting millions.
#include "lib/index"
struct Params { count: u32, n: u32, parts: u32, chunk: u32, k: u32, sign: f32 }
@group(0) @binding(0) var<storage, read> source: array<f32>;
@group(0) @binding(1) var<storage, read> places: array<i32>;
@group(0) @binding(2) var<storage, read_write> values: array<f32>;
@group(0) @binding(3) var<storage, read_write> indices: array<i32>;
var<immediate> p: Params;
var<private> infinity_bits: u32 = 0x7f800000u;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let at = linear_group(group, groups) * 64u + lane;
  if (at >= p.count) { return; }
  let run = at / p.chunk;
  let j = at % p.chunk;
  let start = (run % p.parts) * p.chunk;
  let length = min(p.n, start + p.chunk) - start;
  let first = (run / p.parts) * p.n + start;
  if (j >= length) {
    if (j < p.k) {
      values[run * p.k + j] = -p.sign * bitcast<f32>(infinity_bits);
      indices[run * p.k + j] = 0x7fffffff;
    }
    return;
  }
  let x = source[first + j] * p.sign;
#if INDEXED
  let mine = places[first + j];
#else
  let mine = i32(start + j);
#endif
  var rank = 0u;
  for (var i = 0u; i < length; i++) {
    let other = source[first + i] * p.sign;
#if INDEXED
    let before = places[first + i] < mine;
#else
    let before = i < j;
#endif
    rank += select(0u, 1u, other > x || (other == x && before));
  }
  if (rank < p.k) {
    values[run * p.k + rank] = source[first + j];
    indices[run * p.k + rank] = mine;
  }
}
