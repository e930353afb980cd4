// Whether a run fits the adapter, said before its first step: what training will hold against what there is, as far as that can
// be known. Not here: how much that is (trainer.ts) and the memory itself (gpu/).
import { freemem } from "node:os";
import { formatBytes } from "../gpu/buffers.js";
import type { Capabilities } from "../gpu/capabilities.js";
import { OutOfMemoryError } from "../gpu/errors.js";
import type { Trainer, TrainingMemory } from "./trainer.js";

/** Bytes that a software adapter can still take: it lives in the machine's own memory. WebGPU tells nothing of a GPU's. */
export function availableMemory({ software }: Pick<Capabilities, "software">): number | undefined {
  if (!software) return undefined;
  const constrained = process.constrainedMemory?.() || Number.POSITIVE_INFINITY;
  return Math.min(freemem(), constrained);
}

/** One line on what training takes. Throws OutOfMemoryError where that is more than there is. */
export function checkMemory(memory: TrainingMemory, available: number | undefined): string {
  const { parameters, gradients, moments, objective = 0, step, total } = memory;
  const state = parameters + gradients + moments;
  const kept = objective > 0 ? `, ${formatBytes(objective)} for what the objective keeps` : "";
  const parts = `${formatBytes(state)} for parameters, gradients and moments${kept}, ${formatBytes(step)} for a step`;
  if (available !== undefined && total > available) {
    throw new OutOfMemoryError(
      `Training needs ${formatBytes(total)} (${parts}) and this machine has ${formatBytes(available)} free: ` +
        "use a smaller --batch or --preset.",
    );
  }
  const room = available === undefined ? "" : `; ${formatBytes(available)} are free`;
  return `memory: ${formatBytes(total)} (${parts})${room}`;
}

/** Says what the trainer will hold, then takes it and compiles its kernels. Throws OutOfMemoryError where it does not fit. */
export async function preflight(trainer: Trainer, note: (text: string) => void): Promise<void> {
  note(checkMemory(trainer.memory(), availableMemory(trainer.gpu.device.capabilities)));
  await trainer.prepare();
}
