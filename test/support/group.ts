// Processes that are none: several parties in one, each with a group of its own, whose calls meet in memory.
import type { ProcessGroup } from "../../src/host/group.js";

/** `size` groups that add up and broadcast among each other. */
export function groupsOf(size: number): ProcessGroup[] {
  let waiting: { rank: number; values: Float32Array | Uint8Array; resolve: () => void }[] = [];
  const meet = (rank: number, values: Float32Array | Uint8Array, work: (all: typeof waiting) => void) =>
    new Promise<void>((resolve) => {
      waiting.push({ rank, values, resolve });
      if (waiting.length < size) return;
      const all = waiting.sort((a, b) => a.rank - b.rank);
      waiting = [];
      work(all);
      for (const one of all) one.resolve();
    });
  return Array.from({ length: size }, (_, rank) => ({
    rank,
    size,
    allReduce: (values: Float32Array) =>
      meet(rank, values, (all) => {
        const sum = Float32Array.from(values, (_, i) =>
          all.reduce((total, one) => Math.fround(total + one.values[i]), 0),
        );
        for (const one of all) one.values.set(sum);
      }),
    broadcast: (bytes: Uint8Array) =>
      meet(rank, bytes, (all) => {
        for (const one of all) one.values.set(all[0].values);
      }),
  }));
}
