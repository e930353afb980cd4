// partial[c] = Σ g² over chunk c of the gradient arena: the first half of the global gradient norm. chunks: where each starts and
// how many elements it has; none spans two parameters, so the padding between them is not read. One team a chunk (lib/team).
diagnostic(off, subgroup_uniformity);
#include "lib/team"
struct Params { chunks: u32 }
@group(0) @binding(0) var<storage, read> chunks: array<vec2<u32>>;
@group(0) @binding(1) var<storage, read> gradient: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> partial: array<f32>;
var<immediate> p: Params;

@compute @workgroup_size(GROUP)
fn main(place: Place) {
  let team = team_at(place);
  for (var k = 0u; k < ROWS; k++) {
    let wanted = team.index * ROWS + k;
#if TEAM != 2
    if (wanted >= p.chunks) { return; }
#endif
    let chunk = chunks[min(wanted, p.chunks - 1u)];
    let first = chunk.x / 4u;
    let whole = chunk.y / 4u;
    var total = vec4(0.0);
    for (var at = 0u; at < whole; at += team.lanes) {
      let g = gradient[first + min(at + team.lane, whole - 1u)];
      total += select(vec4(0.0), g * g, at + team.lane < whole);
    }
    if (team.lane == 0u && whole * 4u < chunk.y) {
      let g = gradient[first + whole];
      total += select(vec4(0.0), g * g, vec4(0u, 1u, 2u, 3u) < vec4(chunk.y - whole * 4u));
    }
    let sum = team_sum(item_sum(total));
    if (team.lane == 0u && wanted < p.chunks) { partial[wanted] = sum; }
  }
}
