// `stretch`: two views of one crop, played faster or slower by resampling its frames in time, and the encoder must tell by how much:
// the difference of one linear reading of their mean tokens is the logarithm of the ratio of their speeds. A reading that is linear
// in tempo's logarithm is what a probe of tempo looks for.
import { xavierUniform } from "../../nn/init.js";
import { mul, sub } from "../../ops/binary.js";
import { matmul } from "../../ops/matmul.js";
import { slice } from "../../ops/move.js";
import { mean } from "../../ops/reduce.js";
import { reshape } from "../../ops/view.js";
import type { Gpu } from "../../tensor/gpu.js";
import type { Random } from "../../tensor/random.js";
import type { Tensor } from "../../tensor/tensor.js";
import { patchesOf } from "../front-end.js";
import { huber } from "./huber.js";
import {
  type Drawn,
  type Losses,
  type Objective,
  type ObjectiveBatch,
  type ObjectiveKind,
  type ObjectiveOptions,
  settingWords,
} from "./objective.js";

/** Settings of the objective `stretch`. */
export interface StretchSettings {
  /** Pairs of views in a step. */
  pairs: number;
  /** Speeds are drawn from 1/range to range, by their logarithm. */
  range: number;
}

declare module "../config.js" {
  interface PretrainConfig {
    /** Settings of `stretch`; absent: its defaults. */
    stretch?: StretchSettings;
  }
}

const settingsOf = (stretch: StretchSettings | undefined): StretchSettings =>
  stretch ?? { pairs: 8, range: 1.25 };

/** `frames` frames of a crop [nMels, available] at `speed`, between frames by straight lines, into `out` [nMels, frames]. */
export function stretched(
  mel: Float32Array,
  available: number,
  speed: number,
  frames: number,
  out: Float32Array,
): void {
  const nMels = mel.length / available;
  for (let t = 0; t < frames; t++) {
    const at = Math.min(available - 1, t * speed);
    const before = Math.floor(at);
    const after = Math.min(available - 1, before + 1);
    const share = at - before;
    for (let m = 0; m < nMels; m++) {
      const row = m * available;
      out[m * frames + t] = (1 - share) * mel[row + before] + share * mel[row + after];
    }
  }
}

class Stretching implements Objective {
  constructor(
    private readonly gpu: Gpu,
    private readonly options: ObjectiveOptions,
    private readonly settings: StretchSettings,
  ) {}

  /** First and second views [2·pairs, nMels, frames], and log2 of their speeds' ratio in units of its spread [pairs]. */
  inputs(_masked: readonly Int32Array[], _tokens: number, drawn?: Drawn): Record<string, Tensor> {
    const { gpu } = this;
    const { frontEnd, cropFrames } = this.options.config;
    const { pairs, range } = this.settings;
    const size = frontEnd.nMels * cropFrames;
    const views = new Float32Array(2 * pairs * size);
    const ratios = new Float32Array(pairs);
    if (drawn) {
      const { music, random } = drawn;
      const available = Math.ceil(cropFrames * range) + 1;
      const mel = new Float32Array(frontEnd.nMels * available);
      for (let i = 0; i < pairs; i++) {
        music.read(music.place(random), available, mel, 0);
        const octaves = [this.drawSpeed(random), this.drawSpeed(random)];
        octaves.forEach((octave, which) => {
          const at = (which * pairs + i) * size;
          stretched(mel, available, 2 ** octave, cropFrames, views.subarray(at, at + size));
        });
        ratios[i] = (octaves[0] - octaves[1]) / this.spread;
      }
    }
    return {
      stretchViews: gpu.tensor(views, [2 * pairs, frontEnd.nMels, cropFrames]),
      stretchRatios: gpu.tensor(ratios, [pairs]),
    };
  }

  losses({ extra }: ObjectiveBatch): Losses {
    const { gpu, options, settings } = this;
    const { model, config, normalisation } = options;
    const { pairs } = settings;
    const patches = patchesOf(extra.stretchViews, config, normalisation);
    const pooled = mean(model.encode(patches), { dim: 1 });
    const read = matmul(pooled, model.weights("heads.stretch.weight"), { transposeB: true });
    const difference = sub(slice(read, [[0, pairs]]), slice(read, [[pairs, 2 * pairs]]));
    const speed = mean(huber(sub(reshape(difference, [pairs]), extra.stretchRatios)));
    const speedMean = gpu.noGrad(() => mean(huber(mul(extra.stretchRatios, 1))));
    return { loss: speed, speed, speedMean };
  }

  private drawSpeed(random: Random): number {
    return (2 * random.uniform() - 1) * Math.log2(this.settings.range);
  }

  /** Of the difference of two uniform logarithms. */
  private get spread(): number {
    return Math.log2(this.settings.range) * Math.sqrt(2 / 3);
  }
}

export const stretch: ObjectiveKind = {
  name: "stretch",
  parts: [
    {
      name: "speed",
      title: "Ratio of speeds",
      words: "Huber's error of the ratio of two views' speeds, in octaves and units of its spread.",
      trained: true,
      chance: ({ speedMean }) => speedMean,
    },
    {
      name: "speedMean",
      title: "Ratio of speeds by guessing",
      words: "What the answer that both are equally fast would score.",
      trained: false,
      fromZero: true,
    },
  ],
  defaults: () => ({ stretch: settingsOf(undefined) }),
  settings: ({ stretch }) => settingWords("stretch", stretch),
  specs: ({ width }) => [{ name: "heads.stretch.weight", shape: [1, width], init: xavierUniform(width, 1) }],
  create: (gpu, options) => new Stretching(gpu, options, settingsOf(options.pretrain.stretch)),
};
