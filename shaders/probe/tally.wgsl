// What the scores of many runs come to on the validation part, as whole numbers (or a float, KIND 3) from which the metric follows.
// z: [runs, rows, quads] of vec4 examples, p.examples of them there. Each result is made by one workgroup of WIDTH invocations; a
// score that is not a number makes it ~0.
//   KIND 0  result [runs]: Σ points[label, argmax], the first of equal scores being the largest; labels [examples]
//   KIND 1  result [runs, 4]: the same over songs of several clips, by each way of joining the clips' scores: the most frequent argmax
//           (the first of several), the argmax of the maximum, of the mean, and of the mean of the softmax. songs: [songs + 1], the first
//           of each song's clips, then the clips' numbers; labels [songs]
//   KIND 2  result [runs, tags]: Σ over positives and all examples of 2·[score of the positive is higher] + [it is equal], from which
//           the area under the ROC curve follows exactly. songs: [tags + 1] and the positives of each tag, alike
//   KIND 3  result [runs, targets]: Σ (y - z)² in f32; labels [targets, quads of examples], padded with anything
// KIND 2 compares every example with every positive: 16 examples an invocation share a positive's load. That needs no sorting and
// gives the same number on every adapter.
#include "lib/index"
struct Params { results: u32, rows: u32, classes: u32, quads: u32, examples: u32, songs: u32 }
@group(0) @binding(0) var<storage, read> z: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> labels: array<LABEL>;
@group(0) @binding(2) var<storage, read> songs: array<u32>;
#if KIND <= 1
@group(0) @binding(3) var<storage, read> points: array<u32>;
#define OUT 4
#else
#define OUT 3
#endif
#if KIND == 3
#define PART f32
#elif KIND == 1
#define PART vec4<u32>
#else
#define PART u32
#endif
@group(0) @binding(OUT) var<storage, read_write> result: array<PART>;
var<immediate> p: Params;
var<workgroup> parts: array<PART, WIDTH>;
#if KIND != 3
var<workgroup> broken: array<u32, WIDTH>;
#endif

fn is_nan(x: vec4<f32>) -> vec4<bool> {
  return (bitcast<vec4<u32>>(x) & vec4(0x7fffffffu)) > vec4(0x7f800000u);
}

fn one(first: u32, row: u32, example: u32) -> f32 {
  return z[first + row * p.quads + example / 4u][example % 4u];
}

@compute @workgroup_size(WIDTH)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let wanted = linear_group(group, groups);
  let index = min(wanted, p.results - 1u);
  var part = PART();
  var bad = false;
  const each = vec4(0u, 1u, 2u, 3u);
#if KIND == 0
  let first = index * p.rows * p.quads;
  for (var q = lane; q < p.quads; q += u32(WIDTH)) {
    var best = z[first + q];
    var choice = vec4(0u);
    var odd = is_nan(best);
    for (var k = 1u; k < p.classes; k++) {
      let x = z[first + k * p.quads + q];
      odd = odd | is_nan(x);
      choice = select(choice, vec4(k), x > best);
      best = max(best, x);
    }
    for (var e = 0u; e < min(4u, p.examples - 4u * q); e++) {
      bad = bad || odd[e];
      part += points[labels[4u * q + e] * p.classes + choice[e]];
    }
  }
#elif KIND == 1
  let first = index * p.rows * p.quads;
  for (var song = lane; song < p.songs; song += u32(WIDTH)) {
    var votes: array<u32, CLASSES>;
    var peak: array<f32, CLASSES>;
    var total: array<f32, CLASSES>;
    var mean: array<f32, CLASSES>;
    for (var k = 0u; k < u32(CLASSES); k++) {
      votes[k] = 0u;
      peak[k] = -3.4028234e38;
      total[k] = 0.0;
      mean[k] = 0.0;
    }
    for (var c = songs[song]; c < songs[song + 1u]; c++) {
      let clip = songs[p.songs + 1u + c];
      var top = one(first, 0u, clip);
      var choice = 0u;
      for (var k = 0u; k < u32(CLASSES); k++) {
        let x = one(first, k, clip);
        bad = bad || is_nan(vec4(x)).x;
        if (x > top) { top = x; choice = k; }
      }
      votes[choice] += 1u;
      var sum = 0.0;
      for (var k = 0u; k < u32(CLASSES); k++) { sum += exp(one(first, k, clip) - top); }
      for (var k = 0u; k < u32(CLASSES); k++) {
        let x = one(first, k, clip);
        peak[k] = max(peak[k], x);
        total[k] += x;
        mean[k] += exp(x - top) / sum;
      }
    }
    var choice = vec4(0u);
    for (var k = 1u; k < u32(CLASSES); k++) {
      if (votes[k] > votes[choice.x]) { choice.x = k; }
      if (peak[k] > peak[choice.y]) { choice.y = k; }
      if (total[k] > total[choice.z]) { choice.z = k; }
      if (mean[k] > mean[choice.w]) { choice.w = k; }
    }
    let base = labels[song] * u32(CLASSES);
    part += vec4(points[base + choice.x], points[base + choice.y], points[base + choice.z], points[base + choice.w]);
  }
#elif KIND == 2
  let tag = index % p.classes;
  let first = (index / p.classes * p.rows + tag) * p.quads;
  let begin = songs[tag];
  let end = songs[tag + 1u];
  if (begin < end) {
    for (var q = 4u * lane; q < p.quads; q += 4u * u32(WIDTH)) {
      let last = p.quads - 1u;
#repeat j 4
      let x##j = z[first + min(q + j##u, last)];
      var wins##j = vec4(0u);
#end
      for (var c = begin; c < end; c++) {
        let positive = songs[p.classes + 1u + c];
        let s = vec4(z[first + positive / 4u][positive % 4u]);
#repeat j 4
        wins##j += select(select(vec4(0u), vec4(1u), s == x##j), vec4(2u), s > x##j);
#end
      }
#repeat j 4
      {
        let there = (4u * (q + j##u) + each) < vec4(p.examples);
        let counted = select(vec4(0u), wins##j, there);
        part += counted.x + counted.y + counted.z + counted.w;
        bad = bad || any(there & is_nan(x##j));
      }
#end
    }
  }
#else
  let row = index % p.classes;
  let first = (index / p.classes * p.rows + row) * p.quads;
  for (var q = lane; q < p.quads; q += u32(WIDTH)) {
    let off = z[first + q] - labels[row * p.quads + q];
    let square = select(vec4(0.0), off * off, (4u * q + each) < vec4(p.examples));
    part += (square.x + square.y) + (square.z + square.w);
  }
#endif
  parts[lane] = part;
#if KIND != 3
  broken[lane] = select(0u, 1u, bad);
#endif
  workgroupBarrier();
  if (lane == 0u && wanted < p.results) {
    var sum = parts[0];
    for (var k = 1u; k < u32(WIDTH); k++) { sum += parts[k]; }
#if KIND != 3
    var any_broken = 0u;
    for (var k = 0u; k < u32(WIDTH); k++) { any_broken |= broken[k]; }
    if (any_broken != 0u) { sum = PART(0xffffffffu); }
#endif
    result[wanted] = sum;
  }
}
