// Stands in for alternatives.ts where the engine is built alone, which checks no kernels and so finds none wrong.
import type { Device } from "../gpu/device.js";
import type { Kernel } from "../gpu/pipelines.js";
import type { Defines } from "../gpu/preprocess.js";

export const usable = () => true;

export const firstUsable = (device: Device, shader: string, builds: readonly Defines[]): Kernel =>
  device.kernel(shader, builds[0]);

export const usableChoice = <Choice>(
  _device: Device,
  _family: unknown,
  _shape: unknown,
  choice: Choice,
): Choice => choice;

export function teamKernel<Plan extends { defines: Defines }>(
  device: Device,
  shader: string,
  rest: Defines,
  plan: () => Plan,
): Plan & { kernel: Kernel } {
  const chosen = plan();
  return { ...chosen, kernel: device.kernel(shader, { ...chosen.defines, ...rest }) };
}
