// Looks for indices outside 0…bound-1 that are not `ignore`, and writes the position and the value of the first; writes nothing
// where there is none. One workgroup: it runs once, with a training's first step.
struct Params { count: u32, bound: i32, ignore: i32 }
@group(0) @binding(0) var<storage, read> index: array<i32>;
@group(0) @binding(1) var<storage, read_write> found: array<i32>;
var<immediate> p: Params;
var<workgroup> firsts: array<u32, 64>;

@compute @workgroup_size(64)
fn main(@builtin(local_invocation_index) lane: u32) {
  var first = p.count;
  for (var i = lane; i < first; i += 64u) {
    let at = index[i];
    if (at != p.ignore && (at < 0 || at >= p.bound)) { first = i; }
  }
  firsts[lane] = first;
  workgroupBarrier();
  if (lane > 0u) { return; }
  for (var k = 1u; k < 64u; k++) { first = min(first, firsts[k]); }
  if (first == p.count) { return; }
  found[0] = i32(first);
  found[1] = index[first];
}
