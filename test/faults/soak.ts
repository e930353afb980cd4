// A long training of the demo model, on a few seconds of synthetic music, with its checkpoints, logs and held-out measurements: what it
// holds after step 500, with the checkpoint that is written then, and at the end. Run by main.ts.
import { readdirSync } from "node:fs";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { formatBytes } from "../../src/gpu/buffers.js";
import { type OpenGpu, trainHere } from "../support/train-here.js";

export interface Held {
  step: number;
  /** Bytes of the device's buffers, and their number. */
  gpuBytes: number;
  gpuBuffers: number;
  /** Of JavaScript, after a collection. */
  heap: number;
  rss: number;
  /** Open file handles; undefined where the system does not tell. */
  files: number | undefined;
}

/** Trains for `steps` steps of `batch` clips, `report`s every 500 steps, and returns what was held after the first 500 and at the end. */
export async function soak(
  folder: string,
  steps: number,
  batch: number,
  report: (held: Held) => void,
): Promise<{ early: Held; late: Held; seconds: number }> {
  setFlagsFromString("--expose-gc");
  // What V8 compiles lies in the heap, too: functions that are called once a checkpoint become hot after thousands of steps, 0.1 MiB in 500
  // steps, by heap snapshots. Here it interprets, so that what grows is what we hold.
  for (const flag of ["turbofan", "maglev", "sparkplug", "flush-bytecode"])
    setFlagsFromString(`--no-${flag}`);
  const collect = runInNewContext("gc") as () => void;
  const every = Math.max(1, Math.min(500, Math.floor(steps / 2)));
  const seen: Held[] = [];
  let device: OpenGpu["device"] | undefined;
  const look = (step: number) => {
    // When a step is told of, what belongs to the one before is done.
    const due = step === steps || (step > 1 && (step - 1) % every === 0);
    if (!due || !device) return;
    collect();
    const { heapUsed, rss } = process.memoryUsage();
    const { reserved, buffers } = device.pool.use;
    const held = {
      step: step === steps ? step : step - 1,
      gpuBytes: reserved,
      gpuBuffers: buffers,
      heap: heapUsed,
      rss,
      files: fileHandles(),
    };
    seen.push(held);
    report(held);
  };
  const { seconds } = await trainHere(
    folder,
    "soak",
    { steps, batch },
    {
      spoil: (gpu) => {
        device = gpu.device;
      },
      step: look,
    },
  );
  return { early: leastRss(seen.slice(0, 3)), late: leastRss(seen.slice(-3).reverse()), seconds };
}

/** The first of some looks, with the smallest RSS of them: what malloc has not handed back yet comes and goes, 12 MiB either way. */
function leastRss(looks: readonly Held[]): Held {
  return { ...looks[0], rss: Math.min(...looks.map(({ rss }) => rss)) };
}

/** A line of the table. */
export function heldLine({ step, gpuBytes, gpuBuffers, heap, rss, files }: Held): string {
  const gpu = `GPU ${gpuBytes} bytes in ${gpuBuffers} buffers`;
  return `step ${step}: ${gpu}, heap ${formatBytes(heap)}, RSS ${formatBytes(rss)}, ${files ?? "?"} file handles`;
}

/** What differs by more than it may: the device's bytes and the handles at all, heap and RSS by 1 % upwards. */
export function grown(early: Held, late: Held): string[] {
  const growth = (name: "heap" | "rss") => late[name] / early[name] - 1;
  return [
    ...(late.gpuBytes === early.gpuBytes ? [] : [`GPU bytes ${early.gpuBytes} → ${late.gpuBytes}`]),
    ...(late.files === early.files ? [] : [`file handles ${early.files} → ${late.files}`]),
    ...(["heap", "rss"] as const)
      .filter((name) => growth(name) > 0.01)
      .map((name) => `${name} grew by ${(100 * growth(name)).toFixed(1)} %`),
  ];
}

function fileHandles(): number | undefined {
  try {
    return readdirSync("/proc/self/fd").length;
  } catch {
    return undefined;
  }
}
