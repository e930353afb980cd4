// `data2vec` (Baevski et al. 2022): the encoder sees the crop with mask tokens and predicts what a teacher, a moving average of
// itself that sees the whole crop, makes of the hidden patches: the mean over its last blocks of what their feed-forward parts
// give, each normalised. That the teacher does not end up saying the same of everything shows in the targets' and the
// predictions' standard deviation, which are reported.
import { MovingAverage } from "../../nn/optim.js";
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
import { type Data2vecSettings, objectiveSettings } from "../config.js";
import type { Patchifier } from "../encoder.js";
import { deviation } from "./measures.js";
import type { Losses, Objective, ObjectiveBatch, ObjectiveKind } from "./objective.js";

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

  updated(): void {
    const { from, to, steps } = this.settings.decay;
    this.teacher.update(() => from + (to - from) * Math.min(1, this.step() / steps));
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

export const data2vecKind: ObjectiveKind = {
  specs: ({ width }) => linearSpecs("heads.regress", width, width),
  create: (gpu, { model, config, pretrain, step }) =>
    new SelfDistillation(gpu, model, objectiveSettings("data2vec", config, pretrain), step),
};
