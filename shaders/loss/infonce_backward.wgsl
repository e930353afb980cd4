// Gradient of loss/infonce: with w_ij = exp2(s_ij − lse_i) and f = upstream·p.factor,
//   by x: f·(Σ_j w_ij c_j − c_i);  by c, COLUMNWISE: f·(Σ_i w_ij x_i − x_j).
// other is c or x, target_ the gradient of the other one: [clips, n, items] of vec4. A subgroup of LANES owns LANES rows of the result and
// 4·LANES·COLUMNS of its columns. At each step along the sum, lane l finds the weight of row l and loads its vec4s of that row of
// `other`, and the weights are handed round by subgroupBroadcast. The weights are found again for every run of columns, which costs
// less than writing and reading them.
diagnostic(off, subgroup_uniformity);
#include "lib/index"
struct Params { n: u32, clips: u32, items: u32, factor: f32 }
@group(0) @binding(0) var<storage, read_write> target_: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> similarities: array<f32>;
@group(0) @binding(2) var<storage, read> lse: array<f32>;
@group(0) @binding(3) var<storage, read> upstream: array<f32>;
@group(0) @binding(4) var<storage, read> other: array<vec4<f32>>;
var<immediate> p: Params;

@compute @workgroup_size(WIDTH)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(subgroup_invocation_id) lane: u32,
        @builtin(local_invocation_index) local: u32) {
  let tiles = (p.n + u32(LANES) - 1u) / u32(LANES);
  let runs = (p.items + u32(COLUMNS * LANES) - 1u) / u32(COLUMNS * LANES);
  let at = linear_group(group, groups) * u32(WIDTH / LANES) + local / u32(LANES);
  if (at >= tiles * runs * p.clips) { return; }
  let clip = at / (tiles * runs) * p.n;
  let row = at / runs % tiles * u32(LANES);
  let column = at % runs * u32(COLUMNS * LANES) + lane;
  let own = min(row + lane, p.n - 1u);
#repeat c COLUMNS
  let column##c = min(column + u32(c * LANES), p.items - 1u);
#end
#if !COLUMNWISE
  let level = lse[clip + own];
#endif
#repeat s LANES
#repeat c COLUMNS
  var sum##s##_##c = vec4(0.0);
#end
#end
  for (var k = 0u; k < p.n; k++) {
#if COLUMNWISE
    let w = exp2(similarities[(clip + k) * p.n + own] - lse[clip + k]);
#else
    let w = exp2(similarities[(clip + own) * p.n + k] - level);
#endif
#repeat c COLUMNS
    let v##c = other[(clip + k) * p.items + column##c];
#end
#repeat s LANES
    {
      let z = subgroupBroadcast(w, s##u);
#repeat c COLUMNS
      sum##s##_##c += z * v##c;
#end
    }
#end
  }
  let f = upstream[0] * p.factor;
  let count = min(u32(LANES), p.n - row);
  var sums = array<vec4<f32>, LANES * COLUMNS>(
#repeat s LANES
#repeat c COLUMNS
    sum##s##_##c,
#end
#end
  );
  for (var j = 0u; j < count * u32(COLUMNS); j++) {
    let place = column + j % u32(COLUMNS) * u32(LANES);
    let target_at = (clip + row + j / u32(COLUMNS)) * p.items + place;
    if (place < p.items) { target_[target_at] = f * (sums[j] - other[target_at]); }
  }
}
