// `targets`: the masked autoencoder of `mae`, whose encoder must besides tell hand-made descriptions of the whole crop from what it
// sees of it (hand-targets.ts): chroma and the keys that it fits, the autocorrelation of onsets and the tempi that it fits, mean and spread of
// its bands and of MFCCs. Linear heads read the mean of the visible tokens, and those of rhythm and tempo also how fast the tokens vary after
// each block, because a mean hardly holds it; errors are Huber's, in units of each target's spread over the music. A model of
// this objective was trained towards hand-made targets, which is to be said wherever it is named.
import { UsageError } from "../../gpu/errors.js";
import { zeros } from "../../nn/init.js";
import { add, div, mul, sub } from "../../ops/binary.js";
import { layerNorm } from "../../ops/layer-norm.js";
import { matmul } from "../../ops/matmul.js";
import { concat, pad, slice } from "../../ops/move.js";
import { mean, sum } from "../../ops/reduce.js";
import { affine, unary } from "../../ops/unary.js";
import { reshape } from "../../ops/view.js";
import type { Gpu } from "../../tensor/gpu.js";
import { Random } from "../../tensor/random.js";
import type { Tensor } from "../../tensor/tensor.js";
import { linearOf, linearSpecs } from "../blocks.js";
import { type ModelConfig, type PretrainConfig, patchGrid } from "../config.js";
import { rateShares, rates } from "../modulation.js";
import { familyNames, handTargets, targetSizes } from "./hand-targets.js";
import { huber } from "./huber.js";
import { decoderSpecs, type MaeSettings, MaskedAutoencoder, maeSettings } from "./mae.js";
import {
  type Drawn,
  type Losses,
  type Music,
  type Objective,
  type ObjectiveBatch,
  type ObjectiveKind,
  type ObjectiveOptions,
  settingWords,
} from "./objective.js";

/** Settings of the objective `targets`. */
export interface TargetSettings extends MaeSettings {
  /** What the spectrogram's error counts beside the families'. */
  spectrogramWeight: number;
  /** Crops that the targets' mean and spread are measured on. */
  crops: number;
  /** What the heads of rhythm and tempo read beside the mean: how fast tokens vary. Absent: nothing. */
  rhythmFrom?: "modulation";
}

declare module "../config.js" {
  interface PretrainConfig {
    /** Settings of `targets`; absent: its defaults. */
    targets?: TargetSettings;
  }
}

function settingsOf(model: ModelConfig, { targets }: Partial<PretrainConfig>): TargetSettings {
  return targets ?? { ...maeSettings(model), spectrogramWeight: 1, crops: 512, rhythmFrom: "modulation" };
}

/** The stream of random numbers that the crops for the targets' spread are drawn from. */
const stream = 9;

class HandMadeTargets implements Objective {
  private readonly autoencoder: MaskedAutoencoder;
  private readonly sizes: ReturnType<typeof targetSizes>;
  private scale: { centre: Float64Array; spread: Float64Array } | undefined;

  constructor(
    private readonly gpu: Gpu,
    private readonly options: ObjectiveOptions,
    private readonly settings: TargetSettings,
  ) {
    this.autoencoder = new MaskedAutoencoder(gpu, options.model, settings);
    this.sizes = targetSizes(options.config.frontEnd);
  }

  /** The table of visible patches, and the standardised targets [B, all]. */
  inputs(masked: readonly Int32Array[], tokens: number, drawn?: Drawn): Record<string, Tensor> {
    const { gpu, sizes } = this;
    const total = sizes.all;
    const values = new Float32Array(masked.length * total);
    if (drawn) {
      const { centre, spread } = this.scaled(drawn.music);
      drawn.places.forEach((place, b) => {
        const own = values.subarray(b * total, (b + 1) * total);
        this.measure(drawn.music, place, own);
        for (let i = 0; i < total; i++) own[i] = (own[i] - centre[i]) / spread[i];
      });
    }
    return {
      ...this.autoencoder.inputs(masked, tokens),
      handTargets: gpu.tensor(values, [masked.length, total]),
    };
  }

  losses(batch: ObjectiveBatch): Losses {
    const { gpu, options, settings, sizes } = this;
    const { weights } = options.model;
    const shares: Tensor[] = [];
    const encoded = this.autoencoder.encodeVisible(batch, (of, tokens) => {
      if (settings.rhythmFrom && /^block_\d+$/.test(of)) shares.push(...this.variation(tokens, batch));
    });
    const pixelMse = this.autoencoder.errorOf(encoded, batch);
    let predicted = linearOf(mean(encoded, { dim: 1 }), weights, "heads.targets");
    if (shares.length > 0) {
      const read = concat(
        shares.map((each) => layerNorm(each)),
        { dim: 1 },
      );
      // As many values as the mean has would count: a step of the optimiser then moves both alike.
      const evened = mul(read, options.config.width / read.shape[1]);
      const told = matmul(evened, weights(rhythmHead), { transposeB: true });
      const { chroma, key, spectrum, timbre } = sizes;
      const [before, after] = [chroma + key, spectrum + timbre];
      predicted = add(
        predicted,
        pad(told, [
          [0, 0],
          [before, after],
        ]),
      );
    }
    const errors = sub(predicted, batch.extra.handTargets);
    const parts: Record<string, Tensor> = {};
    let loss = mul(pixelMse, settings.spectrogramWeight);
    let from = 0;
    for (const family of familyNames) {
      const range = [undefined, [from, from + sizes[family]] as const];
      parts[family] = mean(huber(slice(errors, range)));
      loss = add(loss, parts[family]);
      const own = gpu.noGrad(() => gpu.scope(() => mean(huber(slice(batch.extra.handTargets, range)))));
      parts[`${family}Mean`] = own;
      from += sizes[family];
    }
    return { loss, pixelMse, ...parts };
  }

  reconstruct(batch: ObjectiveBatch): Tensor {
    return this.autoencoder.reconstruct(batch);
  }

  /**
   * How fast visible tokens [B, visible, d] vary, and how fast the size of their changes does (as the probe's pools have it): twice
   * [B, rates]. Masked columns, and changes to and from them, count as the mean, which is no power at any rate but through the window.
   */
  private variation(tokens: Tensor, batch: ObjectiveBatch): Tensor[] {
    const { columns, rows } = patchGrid(this.options.config);
    const [size, , width] = tokens.shape;
    const centred = sub(tokens, mean(tokens, { dim: 1, keepDim: true }));
    const placed = this.autoencoder.inPlace(centred, batch);
    const seen = affine(batch.mask.masked, -1, 1);
    const [to, from] = [[1, columns] as const, [0, columns - 1] as const];
    const [values, flags] = [placed, seen].map((each) => reshape(each, [size, columns, rows, -1]));
    const steps = unary.abs([sub(slice(values, [undefined, to]), slice(values, [undefined, from]))], {});
    const pairs = mul(slice(flags, [undefined, to]), slice(flags, [undefined, from]));
    const sums = [mul(mean(steps, { dim: 3, keepDim: true }), pairs), pairs].map((each) =>
      sum(each, { dim: 2 }),
    );
    const [change, counted] = sums;
    const [all, times] = sums.map((each) => sum(each, { dim: 1, keepDim: true }));
    const curve = sub(
      change,
      mul(counted, div(all, unary.clamp([times], { a: 1, b: Number.MAX_SAFE_INTEGER }))),
    );
    return [
      rateShares(reshape(placed, [size, columns, rows * width]), rates(columns)),
      rateShares(curve, rates(columns)),
    ];
  }

  /** Mean and spread of each target over crops of what is trained on; they follow from the run's seed. */
  private scaled(drawnFrom: Music): { centre: Float64Array; spread: Float64Array } {
    if (this.scale) return this.scale;
    const { settings, options } = this;
    const total = this.sizes.all;
    const music = options.music?.() ?? drawnFrom;
    const random = new Random(options.seed, stream);
    const [sums, squares] = [new Float64Array(total), new Float64Array(total)];
    const own = new Float32Array(total);
    for (let i = 0; i < settings.crops; i++) {
      this.measure(music, music.place(random), own);
      for (let k = 0; k < total; k++) {
        sums[k] += own[k] / settings.crops;
        squares[k] += own[k] ** 2 / settings.crops;
      }
    }
    const spread = sums.map((sum, k) => Math.max(1e-3, Math.sqrt(Math.max(0, squares[k] - sum * sum))));
    this.scale = { centre: sums, spread };
    return this.scale;
  }

  private measure(music: Music, place: Parameters<Music["read"]>[0], out: Float32Array): void {
    if (!music.chroma) {
      throw new UsageError(
        "The objective 'targets' needs the chroma of recordings, which is not computed here: train it with melgrad train.",
      );
    }
    const { frontEnd, cropFrames } = this.options.config;
    const mel = new Float32Array(frontEnd.nMels * cropFrames);
    const chroma = new Float32Array(12 * cropFrames);
    music.read(place, cropFrames, mel, 0);
    music.chroma(place, cropFrames, chroma, 0);
    handTargets(mel, chroma, cropFrames, frontEnd.sampleRate / frontEnd.hopLength, out);
  }
}

/**
 * Reads how fast tokens vary; a head beside `heads.targets`, whose bias serves both. It starts at nothing: logarithms of shares are far from
 * zero, and what else would come of them would hold up everything for hundreds of steps.
 */
const rhythmHead = "heads.rhythm.weight";

/** A family's error and what the mean over the music would score. */
function familyParts(name: string, title: string, words: string) {
  return [
    {
      ...{ name, title, trained: true },
      words: `Huber's error of ${words}, in units of their spread over the music.`,
      chance: (measured: Readonly<Record<string, number | undefined>>) => measured[`${name}Mean`],
    },
    {
      ...{ name: `${name}Mean`, title: `${title} by the mean`, trained: false, fromZero: true },
      words: "What the mean over the music would score.",
    },
  ];
}

export const targets: ObjectiveKind = {
  name: "targets",
  needsChroma: true,
  parts: [
    {
      name: "pixelMse",
      title: "Reconstruction",
      words:
        "Mean squared error on the masked patches, each normalised by its own mean and standard deviation.",
      trained: true,
      chance: () => 1,
    },
    ...familyParts("chroma", "Chroma", "the crop's mean chroma"),
    ...familyParts("key", "Key", "how well it fits each key (Krumhansl), as shares"),
    ...familyParts("rhythm", "Rhythm", "the autocorrelation of its onsets from 0.2 to 2 s"),
    ...familyParts("tempo", "Tempo", "how likely each beat is (Ellis), as shares"),
    ...familyParts("spectrum", "Spectrum", "mean and standard deviation of its mel bands"),
    ...familyParts("timbre", "Timbre", "mean and standard deviation of its MFCCs"),
  ],
  // Most is seen: of a quarter, in runs of a third of a second, no rhythm can be told.
  defaults: (model) => ({ maskRatio: 0.3, maskShape: "spans", targets: settingsOf(model, {}) }),
  settings: ({ targets }) => ({
    "trained towards": "hand-made targets: chroma, keys, onset autocorrelation, tempi, mel bands, MFCCs",
    ...settingWords("targets", targets),
  }),
  reconstructionNote:
    "The model predicts each patch normalised by its own mean and standard deviation: it is drawn with those of the original.",
  specs: (sizes, config, pretrain) => {
    const settings = settingsOf(config, pretrain);
    const values = targetSizes(config.frontEnd);
    const [inputs, outputs] = [
      2 * sizes.layers * rates(patchGrid(config).columns),
      values.rhythm + values.tempo,
    ];
    return [
      ...decoderSpecs(sizes, settings),
      ...linearSpecs("heads.targets", sizes.width, values.all),
      ...(settings.rhythmFrom ? [{ name: rhythmHead, shape: [outputs, inputs], init: zeros }] : []),
    ];
  },
  create: (gpu, options) => new HandMadeTargets(gpu, options, settingsOf(options.config, options.pretrain)),
};
