// Runs an objective on a tiny model with fresh weights and compares its losses and gradients with a float64 reference: the
// gradients with central differences of the reference, along a random direction of every parameter.
import { expect } from "vitest";
import { type ModelConfig, type PretrainConfig, patchGrid, preset } from "../../../src/patchifier/config.js";
import type { Patchifier } from "../../../src/patchifier/encoder.js";
import { maskedCount, uniformMask, uploadMask } from "../../../src/patchifier/masks.js";
import {
  createModel,
  createObjective,
  type Drawn,
  type Losses,
  type Music,
  type Objective,
  withObjective,
} from "../../../src/patchifier/objectives.js";
import type { Gpu } from "../../../src/tensor/gpu.js";
import { Random } from "../../../src/tensor/random.js";
import { type Params, type Rows, rowsOf } from "./reference.js";

const demo = preset("demo");

/** 8 tokens of 16 values. */
export const tiny: ModelConfig = {
  ...demo.model,
  frontEnd: { ...demo.model.frontEnd, nMels: 8 },
  ...{ patchMels: 4, patchFrames: 4, cropFrames: 16, width: 12, layers: 3, heads: 3, mlpRatio: 2 },
};

/** What a reference is given. */
export interface Sample {
  /** Patches of each clip. */
  clips: Rows[];
  /** Masked patches of each clip. */
  masked: Int32Array[];
  sizes: Patchifier["sizes"];
  /** What the objective uploaded beside patches and masks, by name, where it draws from music. */
  extra: Record<string, Float32Array>;
}

/** Noise as log-mels and chroma of two recordings, of which the second is short. */
export function noiseMusic(seed: number, { frontEnd, cropFrames }: ModelConfig): Music {
  const random = new Random(seed);
  const tracks = [{ frames: 5 * cropFrames }, { frames: cropFrames + 3 }];
  const values = (width: number) =>
    tracks.map(({ frames }) => Float32Array.from({ length: frames * width }, () => 3 * random.uniform()));
  const [mels, chroma] = [values(frontEnd.nMels), values(12)];
  const reader =
    (of: Float32Array[], width: number): Music["read"] =>
    ({ track, start }, frames, out, offset) => {
      for (let m = 0; m < width; m++) {
        for (let f = 0; f < frames; f++) {
          const at = start + f;
          out[offset + m * frames + f] = at < tracks[track].frames ? of[track][at * width + m] : 0;
        }
      }
    };
  return {
    tracks,
    members: [0, 1],
    place(drawn) {
      const track = drawn.integer(2);
      return { track, start: drawn.integer(tracks[track].frames - cropFrames + 1) };
    },
    read: reader(mels, frontEnd.nMels),
    chroma: reader(chroma, 12),
  };
}

export interface Setup {
  gpu: Gpu;
  pretrain: PretrainConfig;
  model: Patchifier;
  objective: Objective;
  sample: Sample;
  /** The losses of the sample. */
  losses(training: boolean): Losses;
  /** What the sample's inputs are drawn from, drawn anew. */
  drawn(): Drawn;
  /** Reads what the objective uploads into the sample. */
  readExtra(): Promise<void>;
  params(): Promise<Map<string, Float64Array>>;
  dispose(): void;
}

/** A tiny model in which no weight is zero, and a sample of two clips. */
export function setUp(
  gpu: Gpu,
  name: string,
  seed: number,
  settings: Partial<PretrainConfig> = {},
  step = 0,
): Setup {
  const random = new Random(seed);
  const plan = withObjective(tiny, { ...demo.pretrain, batch: 2, steps: 100 }, name);
  const pretrain = { ...plan, maskRatio: 0.5, ...settings };
  const model = createModel(gpu, tiny, pretrain, random);
  for (const parameter of model.parameters.names) {
    const tensor = model.parameters.get(parameter);
    const gain = parameter.includes("norm") && parameter.endsWith("weight") ? 1 : 0;
    tensor.write(Float32Array.from({ length: tensor.size }, () => gain + 0.3 * random.normal()));
  }
  const normalisation = { mean: 1.2, std: 0.8 };
  const music = noiseMusic(seed, tiny);
  const objective = createObjective(gpu, {
    ...{ model, config: tiny, pretrain, seed, step: () => step },
    normalisation,
    music: () => music,
  });
  const { tokens, values } = patchGrid(tiny);
  const flat = Float32Array.from({ length: 2 * tokens * values }, () => random.normal());
  const masked = [0, 1].map(() => uniformMask(random, tokens, maskedCount(tokens, pretrain.maskRatio)));
  const clips = [0, 1].map((b) =>
    rowsOf(flat.subarray(b * tokens * values, (b + 1) * tokens * values), values),
  );
  const drawn = (): Drawn => {
    const own = new Random(seed, 1);
    const places = [0, 1].map(() => music.place(own));
    const size = tiny.frontEnd.nMels * tiny.cropFrames;
    const crops = new Float32Array(2 * size);
    for (const [b, place] of places.entries()) music.read(place, tiny.cropFrames, crops, b * size);
    return { music, places, crops, random: own };
  };
  const sample: Sample = { clips, masked, sizes: model.sizes, extra: {} };
  return {
    ...{ gpu, pretrain, model, objective, sample, drawn },
    async readExtra() {
      for (const [name, tensor] of Object.entries(objective.inputs?.(masked, tokens, drawn()) ?? {})) {
        sample.extra[name] = Float32Array.from(await tensor.data());
      }
    },
    losses: (training) =>
      objective.losses(
        {
          patches: gpu.tensor(flat, [2, tokens, values]),
          mask: uploadMask(gpu, masked, tokens),
          extra: objective.inputs?.(masked, tokens, drawn()) ?? {},
        },
        training,
      ),
    async params() {
      const read = await model.parameters.read();
      return new Map([...read].map(([key, { data }]) => [key, Float64Array.from(data)]));
    },
    dispose() {
      objective.dispose?.();
      model.dispose();
    },
  };
}

export function expectNear(got: number, expected: number, tolerance: number, what: string): void {
  const near = Math.abs(got - expected) <= tolerance; // false for NaN
  expect(near, `${what}: ${got} instead of ${expected}`).toBe(true);
}

/**
 * `reference` gives the named losses for parameters; `loss` is differentiated. `idle` names the parameters that the objective
 * does not use, whose gradient must be zero; every other must get some, but for those that `cancels` names: by default keys' biases, which
 * shift all scores of a query alike, so that their gradient is nothing but rounding.
 */
export async function expectObjective(
  setup: Setup,
  reference: (params: Params, sample: Sample) => Record<string, number>,
  idle: RegExp,
  cancels = /qkv\.bias$/,
): Promise<void> {
  const { gpu, model, sample } = setup;
  const params = await setup.params();
  const losses = gpu.scope(() => {
    const computed = setup.losses(true);
    model.parameters.zeroGrad();
    computed.loss.backward();
    return computed;
  });
  const expected = reference(params, sample);
  expect(Object.keys(losses).sort()).toEqual(Object.keys(expected).sort());
  for (const [part, tensor] of Object.entries(losses)) {
    expect(tensor?.size).toBe(1);
    const got = (await tensor?.data())?.[0] ?? Number.NaN;
    expectNear(got, expected[part], 1e-4 * Math.max(1, Math.abs(expected[part])), part);
  }

  const random = new Random(1);
  for (const name of model.parameters.names) {
    const { grad, size } = model.parameters.get(name);
    const values = params.get(name) ?? new Float64Array();
    const gradient = grad ? await grad.data() : new Float32Array(size);
    const largest = gradient.reduce((a, b) => Math.max(a, Math.abs(b)), 0);
    if (idle.test(name)) {
      expect(largest, `${name} is not used`).toBe(0);
      continue;
    }
    if (!cancels.test(name)) expect(largest, `gradient of ${name}`).toBeGreaterThan(0);
    // The slope along a random direction takes every element into account.
    const direction = Float64Array.from(values, () => random.normal());
    const moved = (by: number) =>
      reference(
        new Map(params).set(
          name,
          values.map((value, i) => value + by * direction[i]),
        ),
        sample,
      ).loss;
    // Small: the cosine of a short vector bends, and units switch on and off, within 1e-6.
    const h = 1e-7;
    const slope = (moved(h) - moved(-h)) / (2 * h);
    const got = gradient.reduce((total, value, i) => total + value * direction[i], 0);
    const length = Math.sqrt(gradient.reduce((total, value) => total + value * value, 0));
    expectNear(got, slope, 1e-5 + 1e-3 * length, `gradient of ${name}`);
  }
}
