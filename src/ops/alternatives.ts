// What is taken instead of kernels that were found to compute wrongly on this adapter (gpu/verdicts.ts). Families with several kernels
// for the same thing ask here; those with one get its text built another way by the pipelines (gpu/serial.ts).
import type { KernelFamily } from "../gpu/chooser.js";
import type { Device } from "../gpu/device.js";
import { type Kernel, keyOf } from "../gpu/pipelines.js";
import type { Defines } from "../gpu/preprocess.js";

/** A kernel: its shader and what it is built with. */
export type Build = readonly [shader: string, defines: Defines];

/** Whether none of these kernels was found to compute wrongly here. */
export function usable({ chooser }: Device, ...builds: readonly Build[]): boolean {
  return builds.every(([shader, defines]) => chooser.wrong(keyOf(shader, defines)) === undefined);
}

/** The kernel of the first of these builds, of equal bindings, that is usable; else the first's. */
export function firstUsable(device: Device, shader: string, builds: readonly Defines[]): Kernel {
  return device.kernel(shader, builds.find((defines) => usable(device, [shader, defines])) ?? builds[0]);
}

/** The choice for a case or, where its kernel is not usable, another of the family, if there is one. */
export function usableChoice<Case, Choice>(
  device: Device,
  family: KernelFamily<Case, Choice>,
  shape: Case,
  choice: Choice,
  { build, fits = () => true }: { build(choice: Choice): Build; fits?(choice: Choice): boolean },
): Choice {
  if (usable(device, build(choice))) return choice;
  const others = device.chooser.others(family, shape);
  return others.find((other) => fits(other) && usable(device, build(other))) ?? choice;
}

/**
 * A plan for rows with its kernel, `shader` with the plan's defines and `rest`: of the team that the rule takes or, where that kernel
 * is not usable, of another: a workgroup (2), then single invocations (0).
 */
export function teamKernel<Plan extends { defines: Defines }>(
  device: Device,
  shader: string,
  rest: Defines,
  plan: (team?: number) => Plan,
): Plan & { kernel: Kernel } {
  let chosen = plan();
  for (const team of [2, 0]) {
    if (usable(device, [shader, { ...chosen.defines, ...rest }])) break;
    chosen = plan(team);
  }
  return { ...chosen, kernel: device.kernel(shader, { ...chosen.defines, ...rest }) };
}
