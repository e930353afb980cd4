// What every kernel launch shares: folding a grid into two dimensions and the element-by-element grid.
import type { Capabilities } from "../gpu/capabilities.js";
import type { Groups } from "../gpu/commands.js";
import type { Params } from "../gpu/parameters.js";
import type { Kernel } from "../gpu/pipelines.js";
import type { Tensor } from "../tensor/tensor.js";
import { blocksOf } from "./pieces.js";

const maxGroups = 65535;

/** Workgroup counts for `count` workgroups; a kernel undoes the folding with lib/index. */
export function foldGroups(count: number): Groups {
  return count <= maxGroups ? [count] : [maxGroups, Math.ceil(count / maxGroups)];
}

/** Workgroup counts for `count` invocations in workgroups of 64. */
export function foldLanes(count: number): Groups {
  return foldGroups(Math.ceil(count / 64));
}

/** A grid whose workgroups of 64 take `span` neighbouring items each, lane by lane. */
export interface Grid {
  groups: Groups;
  span: number;
}

/**
 * The grid of kernels that loop over their items. A software adapter pays about as much for launching a subgroup as for two loads,
 * so an invocation takes up to 32 items there as long as 32 workgroups are left; a GPU wants many invocations first. Pure.
 */
export function planGrid({ software }: Capabilities, items: number): Grid {
  const [most, enough] = software ? [32, 32] : [4, 4096];
  const each = Math.max(1, Math.min(most, Math.floor(items / (64 * enough))));
  const span = 64 * each;
  return { groups: foldGroups(Math.ceil(items / span)), span };
}

/** Runs a kernel that loops over `size` elements by vec4. */
export function runElements(kernel: Kernel, tensors: readonly Tensor[], size: number, params?: Params): void {
  const { device } = tensors[0].gpu;
  const count = Math.ceil(size / 4);
  const { groups, span } = planGrid(device.capabilities, count);
  device.run(kernel, blocksOf(tensors), { count, span, ...params }, groups);
}
