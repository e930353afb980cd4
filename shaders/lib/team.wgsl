// A team: the invocations that work on one row together, and what they can compute together. The defines come from
// planRows in src/ops/row-teams.ts.
//   TEAM 0  one invocation: short rows, many of them
//   TEAM 1  one subgroup, of whatever size the adapter has: the fastest wherever there are subgroups
//   TEAM 2  one workgroup, through workgroup memory: adapters without subgroups, and few long rows on a real GPU
//   LANES   where subgroups have one size on a software adapter, that size; else 0
//   GROUP   invocations of a workgroup (a power of two)
//   VEC     rows are walked in vec4 (their length is a multiple of 4), else in f32; ITEM is that type
// A team of kind 2 has barriers inside team_sum and team_max_key, so every invocation of a workgroup must reach them: row
// loops have a fixed length there, and a row past the end is computed again and not stored.
// Loops over a row go `for (var at = 0u; at < p.items; at += team.lanes)`, with at + team.lane clamped to the row: every lane takes
// the same number of turns, because not every adapter brings a subgroup's lanes together again after a loop that some left
// earlier. What the last item adds twice is left out by a select.
#include "lib/index"
#if VEC
#define ITEM vec4<f32>
fn item_sum(x: vec4<f32>) -> f32 { return (x.x + x.y) + (x.z + x.w); }
#else
#define ITEM f32
fn item_sum(x: f32) -> f32 { return x; }
#endif

/// What a kernel's entry point is given.
struct Place {
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) local: u32,
#if TEAM == 1
  @builtin(subgroup_size) subgroup_size: u32,
  @builtin(subgroup_invocation_id) subgroup_lane: u32,
#endif
}

struct Team {
  /// This invocation's place in the team, and the team's size.
  lane: u32,
  lanes: u32,
  /// The team's number in the grid.
  index: u32,
}

#if TEAM == 0
fn team_at(place: Place) -> Team {
  return Team(0u, 1u, linear_group(place.group, place.groups) * GROUP + place.local);
}
fn team_sum(x: f32) -> f32 { return x; }
fn team_sum2(x: vec2<f32>) -> vec2<f32> { return x; }
fn team_max_key(x: u32) -> u32 { return x; }
#elif TEAM == 1
#if LANES
#include "lib/lanes"
#endif
fn team_at(place: Place) -> Team {
  let size = place.subgroup_size;
  let first = linear_group(place.group, place.groups) * (GROUP / size);
  return Team(place.subgroup_lane, size, first + place.local / size);
}
#if LANES
fn team_sum(x: f32) -> f32 { return lane_sum(x); }
fn team_sum2(x: vec2<f32>) -> vec2<f32> { return vec2(lane_sum(x.x), lane_sum(x.y)); }
fn team_max_key(x: u32) -> u32 { return lane_max_key(x); }
#else
fn team_sum(x: f32) -> f32 { return subgroupAdd(x); }
fn team_sum2(x: vec2<f32>) -> vec2<f32> { return subgroupAdd(x); }
fn team_max_key(x: u32) -> u32 { return subgroupMax(x); }
#endif
#else
var<workgroup> team_memory: array<vec2<f32>, GROUP>;
var<private> team_lane: u32;
fn team_at(place: Place) -> Team {
  team_lane = place.local;
  return Team(place.local, GROUP, linear_group(place.group, place.groups));
}
fn team_sum2(x: vec2<f32>) -> vec2<f32> {
  team_memory[team_lane] = x;
  for (var width = GROUP / 2u; width > 0u; width >>= 1u) {
    workgroupBarrier();
    if (team_lane < width) { team_memory[team_lane] += team_memory[team_lane + width]; }
  }
  workgroupBarrier();
  let total = team_memory[0];
  workgroupBarrier();
  return total;
}
fn team_sum(x: f32) -> f32 { return team_sum2(vec2(x, 0.0)).x; }
var<workgroup> team_keys: array<u32, GROUP>;
fn team_max_key(x: u32) -> u32 {
  team_keys[team_lane] = x;
  for (var width = GROUP / 2u; width > 0u; width >>= 1u) {
    workgroupBarrier();
    if (team_lane < width) { team_keys[team_lane] = max(team_keys[team_lane], team_keys[team_lane + width]); }
  }
  workgroupBarrier();
  let total = team_keys[0];
  workgroupBarrier();
  return total;
}
#endif
