// A whole run of pre-training in this process, on a few seconds of synthetic music, with a device that a test may spoil.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { open } from "../../src/node.js";
import type { RunSettings } from "../../src/train/config.js";
import { type KeptBetween, pretrain } from "../../src/train/pretrain.js";
import { RunFolder } from "../../src/train/run-folder.js";
import { smallerParts, survive } from "../../src/train/survive.js";
import { writeMusic } from "./music.js";

export type OpenGpu = Awaited<ReturnType<typeof open>>;

export interface TrainedHere {
  weights: Buffer;
  /** Both logs without what a clock decides. */
  log: object[];
  heldOut: object[];
  notes: string[];
  /** Seconds that it took. */
  seconds: number;
}

export interface Watch {
  /** Called with every device that is opened, and its number from 0. */
  spoil?(gpu: OpenGpu, opened: number): void;
  /** Called after every step. */
  step?(step: number): void;
}

/** Trains a run in `folder`/`name` to its end. */
export async function trainHere(
  folder: string,
  name: string,
  settings: Partial<RunSettings>,
  { spoil, step }: Watch = {},
): Promise<TrainedHere> {
  const music = join(folder, "music");
  if (!existsSync(music)) writeMusic(music, 4, 5);
  process.env.MELGRAD_CACHE = join(folder, "cache");
  const run = await RunFolder.create(join(folder, name));
  const notes: string[] = [];
  const kept: KeptBetween = {};
  let opened = 0;
  const start = performance.now();
  const opening = async () => {
    const gpu = await open();
    spoil?.(gpu, opened++);
    return gpu;
  };
  const { gpu } = await survive(
    {
      gpu: await opening(),
      open: opening,
      note: (text) => notes.push(text),
      progress: () => kept.furthest ?? -1,
      smaller: (parts) => smallerParts(kept.batch ?? 1, parts ?? kept.accumulate),
      pauseMs: 10,
    },
    (gpu, accumulate) =>
      pretrain({
        ...{ gpu, run, accumulate, kept, version: "test", command: "test" },
        settings: { preset: "demo", seed: 3, data: { kind: "folder", path: music }, batch: 4, ...settings },
        events: {
          note: (text) => notes.push(text),
          progress: () => {},
          step: (line) => step?.(line.step),
          heldOut: () => {},
        },
      }),
  );
  gpu.close();
  return {
    weights: readFileSync(run.file("model.safetensors")),
    log: run.readLog().map(({ stepMs: _ms, clipsPerSecond: _speed, ...line }) => line),
    heldOut: run.readHeldOut(),
    notes,
    seconds: (performance.now() - start) / 1000,
  };
}
