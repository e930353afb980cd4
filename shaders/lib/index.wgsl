// The position of a workgroup in a grid that was folded into two dimensions because one holds at most 65 535.
fn linear_group(group: vec3<u32>, groups: vec3<u32>) -> u32 {
  return group.y * groups.x + group.x;
}
