// What every kernel launch shares: folding a grid into two dimensions and the element-by-element grid.
import type { Groups } from "../gpu/device.js";

const maxGroups = 65535;

/** Workgroup counts for `count` workgroups; a kernel undoes the folding with lib/index. */
export function foldGroups(count: number): Groups {
  return count <= maxGroups ? [count] : [maxGroups, Math.ceil(count / maxGroups)];
}

/** The grid of the elementwise kernels: 64 lanes, four items each. */
export function elementwiseGroups(items: number): Groups {
  return foldGroups(Math.ceil(items / 256));
}
