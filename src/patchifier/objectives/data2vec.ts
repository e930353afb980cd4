// `data2vec` (Baevski et al. 2022): the encoder sees the crop with mask tokens and predicts what a teacher, a moving average of
// itself that sees the whole crop, makes of the masked patches: the mean over its last blocks of what their feed-forward parts
// give, each normalised. That the teacher does not end up saying the same of everything shows in the targets' and the
// predictions' standard deviation, which are reported.
import { type GradientClipper, MovingAverage } from "../../nn/optim.js";
import type { NamedValues } from "../../nn/parameters.js";
import { add, mul } from "../../ops/binary.js";
import { fuse } from "../../ops/fuse.js";
import { layerNorm } from "../../ops/layer-norm.js";
import { mse } from "../../ops/losses.js";
import { mean, variance } from "../../ops/reduce.js";
import { selectRows } from "../../ops/select-rows.js";
import { reshape } from "../../ops/view.js";
import type { Gpu } from "../../tensor/gpu.js";
import type { Tensor } from "../../tensor/tensor.js";
import { blockParts, linearOf, linearSpecs } from "../blocks.js";
import type { ModelConfig, PretrainConfig } from "../config.js";
import type { Patchifier } from "../encoder.js";
import { deviation } from "./measures.js";
import {
  type Course,
  type Losses,
  type Objective,
  type ObjectiveBatch,
  type ObjectiveKind,
  settingWords,
} from "./objective.js";

/** The teacher and what it is asked for. */
export interface Data2vecSettings {
  /** The last so many blocks are averaged. */
  blocks: number;
  /** Each block's output is normalised by channel over the tokens of a clip (instance) or by token (layer). */
  targetNorm: "instance" | "layer";
  /** The share of itself that the teacher keeps at a step: from, to, and over how many steps it rises. */
  decay: Course;
}

declare module "../config.js" {
  interface PretrainConfig {
    /** Settings of `data2vec`; absent: its defaults. */
    data2vec?: Data2vecSettings;
  }
}

/**
 * The teacher of data2vec's audio model: two thirds of the blocks (8 of 12), each normalised by channel; 0.999 → 0.9999 over 30 000
 * of 400 000 steps, and in shorter runs a memory that goes back a tenth of the run at the beginning and a quarter of it at the end.
 */
function settingsOf({ layers }: ModelConfig, { steps, data2vec }: PretrainConfig): Data2vecSettings {
  return (
    data2vec ?? {
      blocks: Math.max(1, Math.round((2 * layers) / 3)),
      targetNorm: "instance",
      decay: {
        from: Math.min(0.999, Math.max(0, 1 - 10 / steps)),
        to: Math.min(0.9999, Math.max(0, 1 - 4 / steps)),
        steps: Math.min(30_000, steps),
      },
    }
  );
}

/** Added to the variances that targets are divided by (PyTorch's instance and layer norms). */
const epsilon = 1e-5;

const centred = fuse((x, centre, variance) => x.sub(centre).mul(variance.add(epsilon).rsqrt()));

/** What the teacher's weights are called in a checkpoint. */
const prefix = "teacher.";

class SelfDistillation implements Objective {
  private readonly teacher: MovingAverage;
  private readonly teacherWeights: ReadonlyMap<string, Tensor>;

  constructor(
    private readonly gpu: Gpu,
    private readonly model: Patchifier,
    private readonly settings: Data2vecSettings,
    private readonly step: () => number,
  ) {
    const { parameters } = model;
    this.teacher = new MovingAverage(parameters);
    const { blocks } = this.teacher.average;
    this.teacherWeights = new Map(
      parameters.specs.map(({ name, shape }, i) => [name, gpu.view(blocks[i], shape)]),
    );
  }

  get bytes(): number {
    return this.teacher.average.whole.byteLength;
  }

  losses({ patches, mask }: ObjectiveBatch): Losses {
    const { gpu, model } = this;
    const { width } = model.sizes;
    const rows = (x: Tensor) => selectRows(reshape(x, [-1, width]), mask.table);
    const targets = gpu.noGrad(() => gpu.scope(() => rows(this.targets(patches))));
    const encoded = model.encode(patches, mask.masked);
    const predicted = linearOf(rows(encoded), model.weights, "heads.regress");
    const regression = mse(predicted, targets);
    return {
      // The sum over the d values of a token times 1/√d, as fairseq scales it.
      loss: mul(regression, Math.sqrt(width)),
      regression,
      targetStd: deviation(targets),
      predictionStd: deviation(predicted),
    };
  }

  updated(clipper?: GradientClipper): void {
    const { from, to, steps } = this.settings.decay;
    this.teacher.update(() => from + (to - from) * Math.min(1, this.step() / steps), clipper);
  }

  async state(): Promise<NamedValues> {
    const weights = await this.model.parameters.read(this.teacher.average);
    return new Map([...weights].map(([name, value]) => [prefix + name, value]));
  }

  restore(state: NamedValues): void {
    const weights = new Map([...state].map(([name, value]) => [name.slice(prefix.length), value]));
    this.model.parameters.write(weights, this.teacher.average);
  }

  dispose(): void {
    this.teacher.dispose();
  }

  /** What the teacher makes of every patch: [B, T, d]. */
  private targets(patches: Tensor): Tensor {
    const { model, settings } = this;
    const { layers, heads } = model.sizes;
    const weights = (name: string) => this.teacherWeights.get(name) ?? model.weights(name); // which throws for an unknown one
    let x = add(linearOf(patches, weights, "patch_embed"), weights("pos_embed"));
    let sum: Tensor | undefined;
    for (let i = 0; i < layers; i++) {
      const { output, forward } = blockParts(x, weights, `blocks.${i}`, heads);
      x = output;
      if (i < layers - settings.blocks) continue;
      const normalised = this.normalise(forward);
      sum = sum ? add(sum, normalised) : normalised;
    }
    return mul(sum ?? x, 1 / settings.blocks);
  }

  private normalise(x: Tensor): Tensor {
    if (this.settings.targetNorm === "layer") return layerNorm(x, undefined, undefined, { eps: epsilon });
    const over = { dim: 1, keepDim: true } as const;
    return centred(x, mean(x, over), variance(x, { ...over, correction: 0 }));
  }
}

export const data2vec: ObjectiveKind = {
  name: "data2vec",
  parts: [
    {
      name: "regression",
      title: "Regression",
      words:
        "Mean squared error against what the teacher makes of the masked patches. It may rise while the teacher learns to say more: the square of the targets' spread is what a constant answer would score.",
      trained: true,
      chance: ({ targetStd }) => targetStd && targetStd ** 2,
    },
    {
      name: "targetStd",
      title: "Spread of the targets",
      words:
        "Standard deviation over patches of what the teacher says: near 0, it says the same of all of them.",
      trained: false,
      fromZero: true,
    },
    {
      name: "predictionStd",
      title: "Spread of the predictions",
      words: "The same of the predictions.",
      trained: false,
      fromZero: true,
    },
  ],
  // Of images data2vec masks 60 % in blocks, of audio half in spans.
  defaults: (model, pretrain) => ({
    maskRatio: 0.6,
    data2vec: settingsOf(model, { ...pretrain, data2vec: undefined }),
  }),
  settings: ({ data2vec }) => settingWords("data2vec", data2vec),
  specs: ({ width }) => linearSpecs("heads.regress", width, width),
  create: (gpu, { model, config, pretrain, step }) =>
    new SelfDistillation(gpu, model, settingsOf(config, pretrain), step),
};
