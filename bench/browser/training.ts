// A model in training on made-up log-mels, the same in Node and in a page from one seed: what the two are compared by. Not the
// comparison (compare.ts).
import { CropSampler, type MelSource } from "../../src/data/batches.js";
import { type ModelConfig, type PretrainConfig, preset } from "../../src/patchifier/config.js";
import type { Gpu } from "../../src/tensor/gpu.js";
import { Random } from "../../src/tensor/random.js";
import { type StepResult, Trainer } from "../../src/train/trainer.js";

export interface RunOptions {
  seed: number;
  /** Put over the preset's settings. */
  model?: Partial<ModelConfig>;
  pretrain?: Partial<PretrainConfig>;
}

/** What is held, in bytes. */
export interface Held {
  tensors: number;
  arenas: number;
  free: number;
}

/** A few tracks of slowly changing values: as much to copy as music is. */
function tracksOf(seed: number): MelSource {
  const { frontEnd } = preset("demo").model;
  const random = new Random(seed, 77);
  const tracks = Array.from({ length: 3 }, (_, i) => ({ frames: 600 + 100 * i }));
  const values = tracks.map(({ frames }) => {
    const track = new Float32Array(frames * frontEnd.nMels);
    for (let i = 0; i < track.length; i++) {
      track[i] = 0.8 * (track[i - frontEnd.nMels] ?? random.normal()) + 0.6 * random.normal();
    }
    return track;
  });
  return {
    tracks,
    config: frontEnd,
    crop(track, start, frames, out, offset) {
      for (let m = 0; m < frontEnd.nMels; m++) {
        for (let f = 0; f < frames; f++) {
          out[offset + m * frames + f] = values[track][(start + f) * frontEnd.nMels + m] ?? 0;
        }
      }
    },
  };
}

export class TrainingRun {
  readonly trainer: Trainer;

  constructor(
    readonly gpu: Gpu,
    { seed, model, pretrain }: RunOptions,
  ) {
    const settings = preset("demo");
    const merged = { ...settings.model, ...model };
    this.trainer = new Trainer(gpu, {
      model: merged,
      pretrain: { ...settings.pretrain, ...pretrain },
      normalisation: { mean: 0, std: 1 },
      seed,
      sampler: new CropSampler(tracksOf(seed), [0, 1, 2], merged.cropFrames),
    });
  }

  /** Takes steps as `train` does, one always in flight; the losses. */
  async steps(count: number): Promise<number[]> {
    const losses: number[] = [];
    let pending: Promise<StepResult> | undefined;
    for (let i = 0; i < count; i++) {
      const next = this.trainer.next();
      if (pending) losses.push((await pending).loss);
      pending = next;
    }
    if (pending) losses.push((await pending).loss);
    return losses;
  }

  /** Milliseconds of a step, over `count` of them, in slices of `budgetMs` where it is given. */
  async time(count: number, budgetMs?: number): Promise<number> {
    const start = performance.now();
    if (budgetMs === undefined) await this.steps(count);
    else await this.timeEach(count, budgetMs);
    return (performance.now() - start) / count;
  }

  /** Milliseconds of each of `count` steps, one after the other, whole or in slices of `budgetMs`. */
  async timeEach(count: number, budgetMs?: number): Promise<number[]> {
    const times: number[] = [];
    for (let i = 0; i < count; i++) {
      const start = performance.now();
      if (budgetMs === undefined) await this.trainer.next();
      else await (await this.trainer.nextInSlices({ budgetMs, between: async () => {} })).measured;
      times.push(performance.now() - start);
    }
    return times;
  }

  /** Milliseconds that JavaScript takes to record and submit a step, over `count` of them, with the device idle in between. */
  async timeSubmitting(count: number): Promise<number> {
    let total = 0;
    for (let i = 0; i < count; i++) {
      const start = performance.now();
      const next = this.trainer.next();
      total += performance.now() - start;
      await next;
    }
    return total / count;
  }

  held(): Held {
    const { tensors, arenas, free } = this.gpu.memoryReport();
    return { tensors, arenas, free };
  }

  async weights(): Promise<{ name: string; values: number[] }[]> {
    const read = await this.trainer.model.parameters.read();
    return [...read].map(([name, { data }]) => ({ name, values: [...data] }));
  }
}
