// What a step is computed on, on its way to the device: a batch's clips, or those of a part of it, with their masks and what the
// objective asks for. Not here: which crops and masks those are (batch-source.ts), and what is computed (trainer.ts).
import { type CropSource, randomAt } from "../data/batches.js";
import { type ModelConfig, type PretrainConfig, patchGrid } from "../patchifier/config.js";
import { type MaskInputs, maskInputs } from "../patchifier/masks.js";
import type { Objective } from "../patchifier/objectives.js";
import type { Gpu } from "../tensor/gpu.js";
import type { Random } from "../tensor/random.js";
import type { Tensor } from "../tensor/tensor.js";
import { type ClipRange, drawBatch, drawMask, type HostBatch } from "./batch-source.js";
import type { Division } from "./division.js";

/** What changes from step to step: [B, nMels, frames], the masks (masks.ts), and what the objective asks for. */
export type BatchInputs = { crops: Tensor } & MaskInputs & Record<string, Tensor>;

/** A whole batch, whose masked patches those of a part are told apart from. */
export type RivalInputs = { crops: Tensor } & MaskInputs;

interface StepOptions {
  model: ModelConfig;
  pretrain: PretrainConfig;
  seed: number;
  sampler: CropSource;
}

/** Uploads batches, and knows the shapes of what a step is given. */
export class StepInputs {
  constructor(
    private readonly gpu: Gpu,
    private readonly options: StepOptions,
    private readonly division: Division,
    private readonly objective: Objective,
  ) {}

  /** Whether a part of a batch is told apart from the rest of it. */
  get takesRivals(): boolean {
    return this.division.parts > 1 && (this.objective.comparesBatch ?? false);
  }

  /** Inputs of the shapes of a step or, where the batch is divided, of a part: to be looked at and not read. */
  blank(): BatchInputs {
    const { gpu, division } = this;
    const { tokens, values } = patchGrid(this.options.model);
    const masked = this.blankMasks(division.count);
    const rows = masked.length * masked[0].length;
    return {
      crops: gpu.empty(this.shape(division.count)),
      ...maskInputs(gpu, masked, tokens),
      ...this.objective.inputs?.(masked, tokens),
      ...(this.takesRivals && {
        rivals: gpu.empty([rows * division.parts, values]),
        ownRivals: gpu.empty([rows], { dtype: "i32" }),
      }),
    };
  }

  /** The same of a whole batch's rivals. */
  blankRivals(): RivalInputs {
    const { batch } = this.options.pretrain;
    const { tokens } = patchGrid(this.options.model);
    return {
      crops: this.gpu.empty(this.shape(batch)),
      ...maskInputs(this.gpu, this.blankMasks(batch), tokens),
    };
  }

  /** The batch that the update after `step` others is computed on: what this process needs of it. */
  batchAt(step: number): HostBatch {
    const { sampler, seed } = this.options;
    return this.draw(sampler, randomAt(seed, "crops", step), randomAt(seed, "masks", step));
  }

  /** A batch drawn by these generators. */
  draw(sampler: CropSource, crops: Random, masks: Random): HostBatch {
    const { model, pretrain } = this.options;
    const { first, own, count } = this.division;
    const range = this.takesRivals
      ? { first: 0, count: pretrain.batch }
      : { first: first * count, count: own * count };
    return drawBatch(model, pretrain, sampler, { crops, masks }, range);
  }

  /** An undivided batch, uploaded. */
  whole(step: number): BatchInputs {
    return this.upload(this.batchAt(step), { first: 0, count: this.options.pretrain.batch });
  }

  /** Part `part` of a batch, uploaded, with the rivals that `ofRivals` led to. */
  ofPart(batch: HostBatch, part: number, rivals: Tensor | undefined): BatchInputs {
    const { count, parts } = this.division;
    const inputs = this.upload(batch, { first: part * count, count });
    if (!rivals) return inputs;
    const rows = rivals.shape[0] / parts;
    const own = Int32Array.from({ length: rows }, (_, i) => part * rows + i);
    return Object.assign(inputs, { rivals: rivals.alias(), ownRivals: this.gpu.tensor(own, [rows]) });
  }

  /** All clips of a batch and their masks, uploaded. */
  ofRivals({ crops, masked }: HostBatch): RivalInputs {
    const { tokens } = patchGrid(this.options.model);
    return {
      crops: this.gpu.tensor(crops, this.shape(masked.length)),
      ...maskInputs(this.gpu, masked, tokens),
    };
  }

  private upload({ crops, range, masked, drawn }: HostBatch, clips: ClipRange): BatchInputs {
    const { gpu } = this;
    const { first, count } = clips;
    const { tokens } = patchGrid(this.options.model);
    const shape = this.shape(count);
    const size = shape[1] * shape[2];
    const own = masked.slice(first, first + count);
    const at = (first - range.first) * size;
    return {
      crops: gpu.tensor(crops.subarray(at, at + count * size), shape),
      ...maskInputs(gpu, own, tokens),
      ...this.objective.inputs?.(own, tokens, drawn(clips)),
    };
  }

  private blankMasks(clips: number): Int32Array[] {
    const { model, pretrain } = this.options;
    return Array.from({ length: clips }, () => drawMask(model, pretrain, randomAt(0, "masks")));
  }

  private shape(clips: number): [clips: number, mels: number, frames: number] {
    const { frontEnd, cropFrames } = this.options.model;
    return [clips, frontEnd.nMels, cropFrames];
  }
}
