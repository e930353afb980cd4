// `wav2vec2` (Baevski et al. 2020): the encoder sees the crop with mask tokens and must tell, for each masked patch, its own
// quantised embedding from those of the clip's other masked patches. The quantiser chooses one code from each of G codebooks by
// a Gumbel softmax whose temperature falls; the diversity loss keeps its codes in use.
//
// Where wav2vec 2.0 draws 100 distractors, all other masked patches of the clip are taken: a crop has no more. Its penalty on
// the size of features is left out: embeddings are normalised before they are quantised.
import type { ParameterSpec } from "../../nn/parameters.js";
import { add, mul } from "../../ops/binary.js";
import { hash32 } from "../../ops/dropout.js";
import { fuse } from "../../ops/fuse.js";
import { gumbelSoftmax } from "../../ops/gumbel.js";
import { layerNorm } from "../../ops/layer-norm.js";
import { crossEntropy } from "../../ops/losses.js";
import { matmul } from "../../ops/matmul.js";
import { normalize } from "../../ops/normalize.js";
import { oneHot } from "../../ops/one-hot.js";
import { mean, sum } from "../../ops/reduce.js";
import { argmax } from "../../ops/scan.js";
import { selectRows } from "../../ops/select-rows.js";
import { softmax } from "../../ops/softmax.js";
import { affine } from "../../ops/unary.js";
import { permute, reshape } from "../../ops/view.js";
import type { Gpu } from "../../tensor/gpu.js";
import type { Tensor } from "../../tensor/tensor.js";
import { linearOf, linearSpecs } from "../blocks.js";
import type { ModelConfig, PretrainConfig } from "../config.js";
import type { EncoderSizes, Patchifier } from "../encoder.js";
import { accuracy, perplexity } from "./measures.js";
import {
  type Course,
  type Losses,
  type Objective,
  type ObjectiveBatch,
  type ObjectiveKind,
  type ObjectiveOptions,
  settingWords,
} from "./objective.js";

/** The quantiser and the two projections that are compared. */
export interface Wav2vec2Settings {
  /** Codebooks. */
  groups: number;
  /** Codes of each codebook. */
  codes: number;
  /** Values of the chosen codes together. */
  codeWidth: number;
  /** Values of what is compared. */
  projected: number;
  /** Cosines are divided by it. */
  temperature: number;
  /** Temperature of the choice of codes: from, to, and over how many steps it falls, by a constant factor. */
  gumbel: Course;
  /** Of the term that asks for many different codes. */
  diversityWeight: number;
}

declare module "../config.js" {
  interface PretrainConfig {
    /** Settings of `wav2vec2`; absent: its defaults. */
    wav2vec2?: Wav2vec2Settings;
  }
}

/**
 * wav2vec 2.0 Base has 2 × 320 codes of 256 values together, compared in 256; a temperature of 2·0.999995ⁿ that reaches 0.5 at 69 % of
 * the run; diversity weighs 0.1. Fewer and smaller codes for an encoder that is trained for minutes, and diversity weighs 1: with
 * 0.1, 15 of 32 codes in use at the beginning of the demo are 4 after 120 steps, and masked patches of the same codes are not told
 * apart; with 1 they are 28.
 */
function settingsOf({ width }: ModelConfig, { steps, wav2vec2 }: PretrainConfig): Wav2vec2Settings {
  return (
    wav2vec2 ?? {
      ...(width <= 128
        ? { groups: 2, codes: 32, codeWidth: 64, projected: 64, diversityWeight: 1 }
        : { groups: 2, codes: 320, codeWidth: 256, projected: 256, diversityWeight: 0.1 }),
      temperature: 0.1,
      gumbel: { from: 2, to: 0.5, steps: Math.max(1, Math.round(0.69 * steps)) },
    }
  );
}

/** What a similarity becomes where a distractor is made of the same codes as the target: it cannot be told from it. */
const excluded = 1e9;

const logOfOneAnd = fuse((count) => count.add(1).log());

class QuantisedContrast implements Objective {
  private readonly gpu: Gpu;
  private readonly model: Patchifier;
  private readonly scores: (cosine: Tensor, common: Tensor, others: Tensor) => Tensor;
  /** 1 where a patch of other codes is to be told from the target. */
  private readonly rivals: (common: Tensor, others: Tensor) => Tensor;

  constructor(
    private readonly options: ObjectiveOptions,
    private readonly settings: Wav2vec2Settings,
  ) {
    this.model = options.model;
    this.gpu = options.model.gpu;
    const { groups, temperature } = settings;
    // `common` counts the codes that two patches share: all of them, or one less and fewer.
    this.scores = fuse((cosine, common, others) => {
      const same = common
        .sub(groups - 1)
        .relu()
        .mul(others);
      return cosine.mul(1 / temperature).sub(same.mul(excluded));
    });
    this.rivals = fuse((common, others) =>
      common
        .sub(groups - 1)
        .relu()
        .neg()
        .add(1)
        .mul(others),
    );
  }

  losses({ patches, mask }: ObjectiveBatch, training: boolean): Losses {
    const { gpu, model, settings } = this;
    const { width, values } = model.sizes;
    const { groups, codes, diversityWeight } = settings;
    const { count } = mask;
    const [batch] = patches.shape;

    // No mask token here: the patches themselves, embedded as for the encoder.
    const masked = selectRows(reshape(patches, [-1, values]), mask.table);
    const features = layerNorm(model.embedPatches(masked));
    const logits = reshape(linearOf(features, model.weights, "quantiser.logits"), [-1, groups, codes]);
    const { selection, hard } = this.choose(logits, training);
    const targets = linearOf(this.lookUp(selection), model.weights, "heads.target");

    const encoded = reshape(model.encode(patches, mask.masked), [-1, width]);
    const context = linearOf(selectRows(encoded, mask.table), model.weights, "heads.context");
    const byClip = (x: Tensor) => reshape(x, [batch, count, -1]);
    const cosine = matmul(byClip(normalize(context)), byClip(normalize(targets)), { transposeB: true });
    const [common, others] = [this.common(byClip(hard)), this.others(count)];
    const scores = this.scores(cosine, common, others);
    const own = gpu.tensor(
      Int32Array.from({ length: batch * count }, (_, i) => i % count),
      [batch, count],
    );
    const contrast = crossEntropy(scores, own);

    const used = perplexity(mean(softmax(logits), { dim: 0 }));
    const diversity = affine(mean(used), -1 / codes, 1);
    return {
      loss: add(contrast, mul(diversity, diversityWeight)),
      contrast,
      rivals: gpu.noGrad(() => mean(logOfOneAnd(sum(this.rivals(common, others), { dim: -1 })))),
      diversity,
      accuracy: accuracy(scores, own),
      perplexity: gpu.noGrad(() => mean(perplexity(mean(hard, { dim: 0 })))),
    };
  }

  /**
   * A code from each codebook for every patch, one-hot [n, G, V]: `selection` with a gradient, `hard` without. In training drawn
   * with noise, else the likeliest.
   */
  private choose(logits: Tensor, training: boolean): { selection: Tensor; hard: Tensor } {
    const { gpu, options, settings } = this;
    const { from, to, steps } = settings.gumbel;
    const likeliest = (x: Tensor) =>
      gpu.noGrad(() => gpu.scope(() => oneHot(argmax(x, { dim: -1 }), settings.codes)));
    if (!training) {
      const hard = likeliest(logits);
      return { selection: hard, hard };
    }
    const selection = gumbelSoftmax(logits, {
      tau: () => Math.max(to, from * (to / from) ** (options.step() / steps)),
      seed: () =>
        (hash32(options.seed) + options.step() + Math.imul(options.part?.() ?? 0, 0x9e3779b9)) >>> 0,
      hard: true,
    });
    return { selection, hard: likeliest(selection) };
  }

  /** The chosen codes beside each other: [n, codeWidth]. */
  private lookUp(selection: Tensor): Tensor {
    const codes = matmul(permute(selection, [1, 0, 2]), this.model.weights("quantiser.codebook"));
    return reshape(permute(codes, [1, 0, 2]), [-1, this.settings.codeWidth]);
  }

  /** How many codes each two patches of a clip share: [B, n, n]. */
  private common(hard: Tensor): Tensor {
    return this.gpu.noGrad(() => matmul(hard, hard, { transposeB: true }));
  }

  /** 1 but for the diagonal. */
  private others(count: number): Tensor {
    const flags = new Float32Array(count * count).fill(1);
    for (let i = 0; i < count; i++) flags[i * (count + 1)] = 0;
    return this.gpu.tensor(flags, [count, count]);
  }
}

/** As fairseq initialises them: logits' weights standard normal, codes uniform in [0, 1). */
function quantiserSpecs(
  { width }: EncoderSizes,
  { groups, codes, codeWidth, projected }: Wav2vec2Settings,
): ParameterSpec[] {
  return [
    ...linearSpecs("quantiser.logits", width, groups * codes, (size, random) =>
      Float32Array.from({ length: size }, () => random.normal()),
    ),
    {
      name: "quantiser.codebook",
      shape: [groups, codes, codeWidth / groups],
      init: (size, random) => Float32Array.from({ length: size }, () => random.uniform()),
    },
    ...linearSpecs("heads.target", codeWidth, projected),
    ...linearSpecs("heads.context", width, projected),
  ];
}

export const wav2vec2: ObjectiveKind = {
  name: "wav2vec2",
  parts: [
    {
      name: "contrast",
      title: "Contrast",
      words: "How well the quantised embedding of a masked patch is told from those of the clip's others.",
      trained: true,
      chance: ({ rivals }) => rivals,
    },
    {
      name: "rivals",
      title: "Contrast by guessing",
      words:
        "What guessing scores: the logarithm of how many patches are left to choose from when those of the same codes are set aside.",
      trained: false,
      fromZero: true,
    },
    {
      name: "diversity",
      title: "Diversity loss",
      words: "0 where all codes of the quantiser are equally likely, near 1 where few are ever chosen.",
      // It holds codes in use that the contrast would give up, and is low from the start.
      trained: false,
    },
    {
      name: "accuracy",
      title: "Right answers",
      words: "Share of the masked patches whose own embedding was ranked first.",
      trained: false,
      fromZero: true,
    },
    {
      name: "perplexity",
      title: "Codes in use",
      words: "Perplexity of the codes of a batch: as many as would be in use if all were equally frequent.",
      trained: false,
      fromZero: true,
    },
  ],
  // About half is masked in wav2vec 2.0 Base.
  defaults: (model, pretrain) => ({
    maskRatio: 0.5,
    wav2vec2: settingsOf(model, { ...pretrain, wav2vec2: undefined }),
  }),
  settings: ({ wav2vec2 }) => settingWords("wav2vec2", wav2vec2),
  specs: (sizes, config, pretrain) => quantiserSpecs(sizes, settingsOf(config, pretrain)),
  create: (_gpu, options) => new QuantisedContrast(options, settingsOf(options.config, options.pretrain)),
};
