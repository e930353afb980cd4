// How an adapter lays its subgroups out, for src/gpu/lanes: every invocation says how large its subgroup is, which lane it is, who the
// first lane is, and what the lanes make together after a loop that they left at different turns.
diagnostic(off, subgroup_uniformity);
@group(0) @binding(0) var<storage, read_write> found: array<vec4<u32>>;

@compute @workgroup_size(GROUP)
fn main(@builtin(local_invocation_index) local: u32, @builtin(subgroup_size) size: u32,
        @builtin(subgroup_invocation_id) lane: u32) {
  let first = subgroupBroadcastFirst(local);
  var part = 0u;
  for (var i = lane; i < 29u; i += size) { part += i; }
  found[local] = vec4(size, lane, first, subgroupAdd(part));
}
