// What the GPU's memory holds, for people. Not here: handing it out (buffers.ts) or placing a program's (plan.ts).
import { type BufferPool, formatBytes } from "./buffers.js";

/** Equal holdings of memory. */
export interface Holding {
  /** A label, or `tensor [shape]`. */
  what: string;
  /** Of all of them. */
  bytes: number;
  /** How many there are. */
  count: number;
}

/** Sizes in bytes. */
export interface MemoryReport {
  /** Held by tensors. */
  tensors: number;
  /** Held by arenas: parameters, gradients, moments and captured programs. */
  arenas: number;
  /** Given back and kept for reuse. */
  free: number;
  /** The most that tensors and arenas held at once. */
  peak: number;
  /** The largest holdings; equal ones are counted together. */
  largest: Holding[];
}

/** The state of a pool, with its `largest` holdings named. */
export function memoryReport(pool: BufferPool, largest = 10): MemoryReport {
  const { inUse, arenas, reserved, peak } = pool.use;
  const groups = new Map<string, Holding>();
  for (const { holds, bytes } of pool.holdings()) {
    const what = typeof holds === "string" ? holds : `tensor [${holds.join(", ")}]`;
    const group = groups.get(what);
    if (group) {
      group.bytes += bytes;
      group.count++;
    } else {
      groups.set(what, { what, bytes, count: 1 });
    }
  }
  const sorted = [...groups.values()].sort((a, b) => b.bytes - a.bytes);
  const free = Math.max(0, reserved - inUse - arenas);
  return { tensors: inUse, arenas, free, peak, largest: sorted.slice(0, largest) };
}

/** A report in a few lines. */
export function formatMemory({ tensors, arenas, free, peak, largest }: MemoryReport): string {
  const lines = largest.map(
    ({ what, bytes, count }) =>
      `  ${formatBytes(bytes).padStart(9)}  ${what}${count > 1 ? ` × ${count}` : ""}`,
  );
  const held = `${formatBytes(tensors)} in tensors, ${formatBytes(arenas)} in arenas, ${formatBytes(free)} kept for reuse`;
  return [`memory: ${held}; at most ${formatBytes(peak)}`, ...lines].join("\n");
}
