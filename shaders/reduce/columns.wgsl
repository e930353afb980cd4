// y[o, i] = FINISH(merge over r of MAP(x[o, r, i])): reductions of an axis that is not the innermost. x: [outer, reduce,
// items] of vec4 or f32; y: [outer, splits, items]. One invocation a column of items and a run of `chunk` places along
// the reduced axis, columns fastest, so that lanes read neighbours; a second launch merges the runs. KIND, MAP, WITH and
// FINISH as in reduce/rows, where extra[o, i] is what WITH 1 reads; RESULT is ITEM here.
// Measured, least of many runs on two cores that others used too; CPU time of both cores in brackets:
//   [1024, 384] → [384]: lavapipe 0.30 ms (0.29), 5.2 GB/s; SwiftShader 2.2 ms (1.9)
//   [4096, 256] → [256]: lavapipe 0.61 ms (0.6), 6.9 GB/s; SwiftShader 3.3 ms (3.6)
#include "lib/index"
#if VEC
#define ITEM vec4<f32>
#else
#define ITEM f32
#endif
#define RESULT_VEC VEC
#include "lib/merge"
struct Params { count: u32, reduce: u32, items: u32, splits: u32, chunk: u32, scale: f32 }
@group(0) @binding(0) var<storage, read> source: array<ITEM>;
@group(0) @binding(1) var<storage, read> extra: array<ITEM>;
@group(0) @binding(2) var<storage, read_write> target_: array<ITEM>;
var<immediate> p: Params;

fn mapped(i: u32, c1: ITEM) -> PART {
  let x = source[i];
#if WITH == 2
  let c = extra[i];
#else
  let c = c1;
#endif
  return part_of(MAP);
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let at = linear_group(group, groups) * 64u + lane;
  if (at >= p.count) { return; }
  let column = at % p.items;
  let part = (at / p.items) % p.splits;
  let outer = at / (p.items * p.splits);
#if WITH == 1
  let c1 = extra[outer * p.items + column];
#else
  let c1 = ITEM(0.0);
#endif
  let n = p.items;
  let first = outer * p.reduce * n + column;
  let end = first + min(p.reduce, (part + 1u) * p.chunk) * n;
  var a = nothing();
  var b = nothing();
  var c = nothing();
  var d = nothing();
  var i = first + part * p.chunk * n;
  for (; i + 3u * n < end; i += 4u * n) {
    a = merge(a, mapped(i, c1));
    b = merge(b, mapped(i + n, c1));
    c = merge(c, mapped(i + 2u * n, c1));
    d = merge(d, mapped(i + 3u * n, c1));
  }
  for (; i < end; i += n) { a = merge(a, mapped(i, c1)); }
#if KIND == 0
  let r = merge(merge(a, b), merge(c, d));
#else
  let r = result_of(merge(merge(a, b), merge(c, d)));
#endif
  target_[at] = FINISH;
}
