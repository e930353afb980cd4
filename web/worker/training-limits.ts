// What training refuses before it begins, and what a person can do when it fails. Texts and limits only.
import { formatBytes } from "../../src/gpu/buffers.js";
import { DataError, OutOfMemoryError, UsageError } from "../../src/gpu/errors.js";
import type { TrainOptions } from "../protocol.js";

/** Throws UsageError for options that make no sense. */
export function checkOptions({ steps, batch, lr }: TrainOptions): void {
  if (!(Number.isInteger(steps) && steps > 0)) throw new UsageError("Give a whole number of steps.");
  if (batch !== undefined && !(Number.isInteger(batch) && batch > 0 && batch <= 4096)) {
    throw new UsageError("A batch is a whole number of clips, from 1 to 4096.");
  }
  if (lr !== undefined && !(lr > 0)) throw new UsageError("A learning rate is a positive number.");
}

/** Refuses what a software adapter would take from the machine until it stands still: more than half of its memory. */
export function checkRoom(bytes: number): void {
  const { deviceMemory = 4 } = navigator as Navigator & { deviceMemory?: number };
  const room = deviceMemory * 2 ** 29;
  if (bytes <= room) return;
  throw new OutOfMemoryError(
    `Training would take ${formatBytes(bytes)}, and this page may take ${formatBytes(room)} of the machine's memory.`,
  );
}

/** What a person can do about a failure of training. */
export function adviceFor(error: Error): string {
  if (error instanceof OutOfMemoryError) {
    return "Train with a smaller batch or a smaller preset. Clips and the last checkpoint are kept.";
  }
  if (error instanceof DataError) {
    return "The last checkpoint is in use again: train on from it with a smaller learning rate.";
  }
  return "Clips and the last checkpoint are kept: start training again, and reload the page if that fails too.";
}
