// How a batch is divided: every process computes consecutive parts of it, one after the other, so that the clips of all parts in order
// are the batch.
import { UsageError } from "../gpu/errors.js";
import { alone, type ProcessGroup } from "../host/group.js";

/** A process's parts of a batch. */
export interface Division {
  /** Parts of the whole batch. */
  parts: number;
  /** The first that is computed here, and how many. */
  first: number;
  own: number;
  /** Clips of a part. */
  count: number;
}

/** Divides `batch` clips over a group's processes and each one's share into `accumulate` micro-batches. Throws UsageError where it cannot be. */
export function divide(batch: number, accumulate: number, { rank, size }: ProcessGroup = alone): Division {
  const parts = size * accumulate;
  const count = batch / parts;
  if (!Number.isInteger(count)) {
    const by = [
      ...(size > 1 ? [`${size} processes`] : []),
      ...(accumulate > 1 ? [`${accumulate} micro-batches${size > 1 ? " each" : ""}`] : []),
    ].join(" of ");
    const nearest = Math.max(1, Math.round(batch / parts)) * parts;
    throw new UsageError(
      `A batch of ${batch} clips cannot be divided equally into ${by}: write --batch ${nearest}.`,
    );
  }
  return { parts, first: rank * accumulate, own: accumulate, count };
}
