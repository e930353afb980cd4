// Optimisers over a ParameterSet's arenas: SGD, Adam and AdamW in one dispatch, the gradient norm in two more. Nothing is
// read back: the clipping scale stays on the device.
import type { Block } from "../gpu/buffers.js";
import type { Device } from "../gpu/device.js";
import { DataError } from "../gpu/errors.js";
import type { Kernel } from "../gpu/pipelines.js";
import { firstUsable, teamKernel } from "../ops/alternatives.js";
import { planGrid } from "../ops/launch.js";
import { type ChunkCut, cutters } from "../ops/pieces.js";
import { planTeams } from "../ops/row-teams.js";
import type { Tensor } from "../tensor/tensor.js";
import {
  chunkSize,
  type NamedValue,
  type NamedValues,
  type ParameterArena,
  type ParameterSet,
} from "./parameters.js";

/** Rule and settings of an optimiser, as in PyTorch. */
export interface OptimizerOptions {
  /** SGD with momentum, Adam (decay in the gradient) or AdamW (decoupled decay). */
  rule: "sgd" | "adam" | "adamw";
  /** AdamW and Adam: decay rates of the two moments. Default 0.9, 0.999. */
  betas?: readonly [number, number];
  /** Added to the root of the second moment. Default 1e-8. */
  eps?: number;
  /** Decoupled for AdamW, L2 in the gradient for SGD and Adam. Default 0. */
  weightDecay?: number;
  /** SGD: how much of the last update is kept. Default 0. */
  momentum?: number;
  /** Nesterov momentum. Default false. */
  nesterov?: boolean;
}

const rules = { sgd: 0, adam: 1, adamw: 2 } as const;

/** The global L2 norm of all gradients, and scaling them down to a maximum. */
export class GradientClipper {
  /** [norm, scale] on the device, after `measure`. */
  readonly result: Tensor;
  private readonly partial: Tensor;
  private readonly chunks: Tensor;
  private readonly cut: ChunkCut | undefined;
  private readonly count: number;

  constructor(
    /** Whose gradients are measured and scaled. */
    readonly parameters: ParameterSet,
  ) {
    const { gpu } = parameters;
    const table = parameters.chunks();
    this.count = table.length / 2;
    this.cut = cutters.chunks?.(gpu.device, table);
    this.chunks = gpu.tensor(new Int32Array(table.buffer), [table.length]).keep();
    this.partial = gpu.empty([this.count]).keep();
    this.result = gpu.empty([2]).keep();
  }

  /** Computes the norm and the scale min(1, maxNorm/(norm + 1e-6)); Infinity measures without clipping. */
  measure(maxNorm: number): void {
    const { device } = this.parameters.gpu;
    const { gradients } = this.parameters.arenas;
    const launch = (blocks: readonly Block[], chunks: number) => {
      const { kernel, groups } = teamKernel(device, "optim/square_sum", {}, (team) =>
        planTeams(device.capabilities, chunks, chunkSize, true, team),
      );
      device.run(kernel, blocks, { chunks }, groups);
    };
    const blocks = [this.chunks.block, gradients, this.partial.block];
    if (this.cut) this.cut(blocks, launch);
    else launch(blocks, this.count);
    const limit = Number.isFinite(maxNorm) ? maxNorm : 3e38;
    device.run(
      firstUsable(device, "optim/clip_scale", [{ WIDTH: 64 }, { WIDTH: 1 }]),
      [this.partial.block, this.result.block],
      { chunks: this.count, max_norm: limit },
      [1],
    );
  }

  /** Scales the gradients in place; an optimiser step given this clipper does so by itself. */
  apply(): void {
    const { device } = this.parameters.gpu;
    const { gradients } = this.parameters.arenas;
    overArena(device, device.kernel("optim/scale"), [this.result.block, gradients], {});
  }

  /** Gives its memory back. */
  dispose(): void {
    for (const tensor of [this.chunks, this.partial, this.result]) tensor.dispose();
  }
}

/**
 * Updates all parameters of a set in one dispatch, or in as many as their arena has pieces that can be bound. Its moments lie on the device; `state()` and `restore()` are for
 * checkpoints.
 */
export class Optimizer {
  /** Updates done. */
  step = 0;
  private readonly moments: ParameterArena[];
  private readonly noClip: Tensor;

  constructor(
    /** Whose gradients are measured and scaled. */
    /** What is updated. */
    readonly parameters: ParameterSet,
    /** The rule and its settings. */
    readonly options: OptimizerOptions,
  ) {
    this.moments = [parameters.arena("first moments")];
    // SGD keeps one moment, but the kernel binds two.
    this.moments.push(parameters.arena("second moments"));
    this.noClip = parameters.gpu.tensor([0, 1]).keep();
  }

  /**
   * Applies one update with the gradients at hand, scaled by the clipper's last measurement where one is given; where the norm
   * that it measured is not finite, parameters and moments stay as they are and the step is counted all the same. A learning
   * rate given as a function is asked at every update: in a captured function a number would be that of the recording.
   */
  update(lr: number | (() => number), clipper?: GradientClipper): void {
    const { gpu } = this.parameters;
    const { device } = gpu;
    const {
      rule,
      betas = [0.9, 0.999],
      eps = 1e-8,
      weightDecay = 0,
      momentum = 0,
      nesterov = false,
    } = this.options;
    const { values, gradients } = this.parameters.arenas;
    const [beta1, beta2] = rule === "sgd" ? [momentum, 0] : betas;
    const kernel = device.kernel("optim/update", {
      RULE: rules[rule],
      NESTEROV: nesterov,
      CLIP: clipper !== undefined,
    });
    const changing = device.scalars(4, (out) => {
      const current = typeof lr === "function" ? lr() : lr;
      this.step++;
      const rate = rule === "sgd" ? current : current / (1 - beta1 ** this.step);
      const root = rule === "sgd" ? 1 : 1 / Math.sqrt(1 - beta2 ** this.step);
      out.set([current, rate, root, Number(this.step === 1)]);
    });
    const clip = (clipper?.result ?? this.noClip).block;
    const blocks: Block[] = [gradients, clip, changing.block, values];
    for (const { whole } of this.moments) blocks.push(whole);
    const rest = { rest1: 1 - beta1, rest2: 1 - beta2 };
    overArena(device, kernel, blocks, { beta1, beta2, ...rest, eps, decay: weightDecay });
    changing.release();
  }

  /** Moments by name: `exp_avg.NAME` and, but for SGD, `exp_avg_sq.NAME`. */
  async state(): Promise<Map<string, NamedValue>> {
    const state = new Map<string, NamedValue>();
    for (const [k, prefix] of this.prefixes()) {
      for (const [name, value] of await this.parameters.read(this.moments[k]))
        state.set(prefix + name, value);
    }
    return state;
  }

  /** Restores what `state` gave, and the number of updates. Throws DataError where a moment is missing or of another shape. */
  restore(state: NamedValues, step: number): void {
    for (const [k, prefix] of this.prefixes()) {
      const values = new Map<string, NamedValue>();
      for (const name of this.parameters.names) {
        const value = state.get(prefix + name);
        if (!value) throw new DataError(`The optimiser's state lacks '${prefix}${name}'.`);
        values.set(name, value);
      }
      this.parameters.write(values, this.moments[k]);
    }
    this.step = step;
  }

  /** Gives the moments' memory back. */
  dispose(): void {
    for (const arena of this.moments) arena.destroy();
    this.noClip.dispose();
  }

  private prefixes(): [number, string][] {
    const first: [number, string] = [0, "exp_avg."];
    return this.options.rule === "sgd" ? [first] : [first, [1, "exp_avg_sq."]];
  }
}

/** Exponential moving average of a model's parameters: average = decay·average + (1 − decay)·value. */
export class MovingAverage {
  /** The averaged values, of the layout of the parameters. */
  readonly average: ParameterArena;

  constructor(
    /** Whose values are averaged. */
    readonly parameters: ParameterSet,
  ) {
    this.average = parameters.arena("moving average");
    parameters.gpu.device.copy(parameters.arenas.values, this.average.whole);
  }

  /**
   * One more value of weight 1 − decay. A decay given as a function is asked at every update, also of a captured function; beside it may
   * stand the clipper that the optimiser was given, and where that made it skip the step, the average stays as it is.
   */
  update(decay: number | (() => number), clipper?: GradientClipper): void {
    const { device } = this.parameters.gpu;
    const { values } = this.parameters.arenas;
    const { whole } = this.average;
    const changing = device.scalars(1, (out) => out.fill(typeof decay === "function" ? decay() : decay));
    const clip = (clipper?.result ?? changing).block; // a decay is finite
    overArena(device, device.kernel("optim/average"), [values, clip, changing.block, whole], {});
    changing.release();
  }

  /** Gives the average's memory back. */
  dispose(): void {
    this.average.destroy();
  }
}

/** Runs a kernel over every vec4 of the arena that it binds last, what lies between parameters included. */
function overArena(
  device: Device,
  kernel: Kernel,
  blocks: readonly Block[],
  params: Readonly<Record<string, number>>,
): void {
  const launch = (parts: readonly Block[]) => {
    const count = parts[parts.length - 1].byteLength / 16;
    const { groups, span } = planGrid(device.capabilities, count);
    device.run(kernel, parts, { count, span, ...params }, groups);
  };
  if (!cutters.arenas?.(device, blocks, launch)) launch(blocks);
}
