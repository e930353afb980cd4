// Work that outlives its device: where the device is lost, another is opened and the work is done again, which goes on from its last
// checkpoint to the same bits; where its memory runs out, it is done once more on a device that holds nothing else, then in smaller
// micro-batches. Not here: the work (pretrain.ts), which must begin where it was saved, or several processes, of which one cannot go back.
import { DeviceLostError, OutOfMemoryError } from "../gpu/errors.js";
import { formatMemory } from "../gpu/memory.js";
import type { Gpu } from "../tensor/gpu.js";

interface SurviveOptions<G extends Gpu> {
  /** The device to begin with. */
  gpu: G;
  /** Opens another. */
  open(): Promise<G>;
  note(text: string): void;
  /** How far the work is: what it has done more of than ever is progress. */
  progress(): number;
  /** The micro-batches to try next in place of so many (undefined: what the run has); undefined where they cannot be smaller. */
  smaller(accumulate: number | undefined): number | undefined;
  signal?: AbortSignal;
  /** Milliseconds before a device is asked for once more. Default 1000. */
  pauseMs?: number;
}

/** Losses without progress in between after which the work is given up. */
const mostLosses = 5;
/** How often another device is asked for. */
const mostOpenings = 4;
/** Milliseconds that a device has to say that it was lost, after something else has failed. */
const lostWithin = 300;

/**
 * Does `work` with a device until it is done. Resolves with its result and the device, which is open; rejects with what the work threw,
 * the device closed, where that is none of the two, or does not end.
 */
export async function survive<G extends Gpu, T>(
  { gpu: first, open, note, progress, smaller, signal, pauseMs = 1000 }: SurviveOptions<G>,
  work: (gpu: G, accumulate: number | undefined) => Promise<T>,
): Promise<{ gpu: G; result: T }> {
  let gpu = first;
  const adapter = gpu.device.capabilities.adapterName;
  let accumulate: number | undefined;
  let furthest = progress();
  let losses = 0;
  let shortages = 0;
  for (;;) {
    try {
      return { gpu, result: await work(gpu, accumulate) };
    } catch (error) {
      const short = error instanceof OutOfMemoryError;
      const lost = !short && (error instanceof DeviceLostError || (await wasLost(gpu)));
      const report = short ? formatMemory(gpu.memoryReport()) : "";
      // Dawn itself stays: its threads may still be compiling for the device, and it crashes where it is let go meanwhile.
      gpu.device.close();
      if (!(short || lost) || signal?.aborted) throw error;
      if (progress() > furthest) losses = shortages = 0;
      furthest = Math.max(furthest, progress());
      if (short && shortages++ > 0) {
        const next = smaller(accumulate);
        if (next === undefined) throw new OutOfMemoryError(`${error.message}\n${report}`);
        accumulate = next;
        note(`memory ran out again: going on in ${next} micro-batches, with the same numbers to rounding`);
      } else if (short) {
        note(`memory ran out (${error.message}): everything is given back and tried once more`);
      } else if (++losses >= mostLosses) {
        throw new DeviceLostError(
          `The adapter lost its device ${losses} times without a step in between: go on with --resume when it is well, or with another --adapter.`,
        );
      } else {
        note("the adapter lost its device: opening it again and going on from the last checkpoint");
      }
      gpu = await reopen(open, adapter, pauseMs, signal);
    }
  }
}

/** Whether the device is lost. Other errors may come before the news of it. */
export function wasLost({ device }: Gpu): Promise<boolean> {
  return Promise.race([
    device.gpu.lost.then(() => true),
    new Promise<boolean>((done) => setTimeout(done, lostWithin, false)),
  ]);
}

/** Another device of the same adapter. A driver that is being reset needs some seconds. */
async function reopen<G extends Gpu>(
  open: () => Promise<G>,
  adapter: string,
  pauseMs: number,
  signal: AbortSignal | undefined,
): Promise<G> {
  for (let tries = 1; ; tries++) {
    signal?.throwIfAborted();
    try {
      const gpu = await open();
      const found = gpu.device.capabilities.adapterName;
      if (found === adapter) return gpu;
      gpu.close();
      throw new DeviceLostError(
        `The adapter ${adapter} is gone (there is ${found}), on which the run would not go on to the same bits: go on with --resume when it is back, or on this one.`,
      );
    } catch (error) {
      if (tries === mostOpenings) throw error;
      await new Promise((done) => setTimeout(done, pauseMs * 2 ** (tries - 1)));
    }
  }
}

/** The next larger number of equal parts of a share of `clips` clips; undefined where each is one clip already. */
export function smallerParts(clips: number, parts = 1): number | undefined {
  for (let next = parts + 1; next <= clips; next++) if (clips % next === 0) return next;
  return undefined;
}
