// Heads of one shape that are trained together, step by step and on the same batches: their weights stand one after another, each
// layer of all of them is one batched product, and dropout, loss and Adam are kernels with a rate, a penalty and a learning rate for
// each run (shaders/probe). A few steps, and an evaluation, are recorded once and replayed. What a run computes does not depend on
// what is trained beside it, bit for bit. Not here: the launches (hidden-layer.ts, layer-sum.ts, update.ts), when training ends (trainer.ts).
import type { CheckedWork } from "../../checks/run.js";
import { checkFirst } from "../../checks/use.js";
import { UsageError } from "../../gpu/errors.js";
import { product } from "../../ops/matmul-kernels.js";
import { type Captured, capture } from "../../tensor/capture.js";
import type { Gpu } from "../../tensor/gpu.js";
import type { Tensor } from "../../tensor/tensor.js";
import { dropKeys, type HeadBatches, noExample, stepHeader } from "./batches.js";
import type { HeadData } from "./data.js";
import type { HeadRun } from "./grids.js";
import { activate, drawInput, hiddenGradient } from "./hidden-layer.js";
import { headLayers, headStart, type TrainedHead, unpackHead } from "./init.js";
import { layerShares, sharesOf, sumGradient, sumLayout, summedInput, sumStart } from "./layer-sum.js";
import {
  beginLayers,
  type LayerState,
  moveRuns,
  pinProducts,
  recordMove,
  takeLayers,
  tensorsOf,
} from "./memory.js";
import { arrangeSlots, type HeadSlots, type HeadSource } from "./slots.js";
import { adam, adamCorrections, lossGradient } from "./update.js";

/** What changes for a run while it is trained. */
export interface RunRate {
  /** Factor of its learning rate. */
  rate: number;
  /** Whether it goes on. */
  active: boolean;
}

interface CohortOptions {
  /** Steps that are recorded together. */
  chunk: number;
  seed: number;
  /** The learning rates of the moment, by run number. */
  rateOf(run: number): RunRate;
}

type CapturedWork<R> = Captured<Record<string, never>, R>;

/** Heads that are trained together. */
export class Cohort {
  readonly slots: HeadSlots;
  /** Steps done. */
  step = 0;
  private readonly gpu: Gpu;
  private readonly layers: LayerState[];
  private readonly hidden: number;
  /** The weights of a sum of layers, where runs see one. */
  private readonly sum: LayerState | undefined;
  /** What the features of this cohort are stacked from. */
  private readonly stacked: readonly HeadSource[];
  private readonly dropInput: boolean;
  /** Rows of a batch, padded to a multiple of 4. */
  private readonly rows: number;
  private wanted = 0;
  private keepWanted: Int32Array;
  private readonly train: CapturedWork<void>;
  private readonly evaluation: CapturedWork<{ words: Tensor }>;
  private readonly keeping: CapturedWork<void>;

  /**
   * @param all every run of the grid
   * @param numbers the runs that are trained here; of one hidden size and one batch size, all on a weighted sum of layers or none
   * @param from a cohort that these runs leave, with all that they have learned; it is disposed
   */
  constructor(
    private readonly data: HeadData,
    private readonly all: readonly HeadRun[],
    numbers: readonly number[],
    private readonly batches: HeadBatches,
    private readonly options: CohortOptions,
    from?: Cohort,
  ) {
    this.gpu = data.gpu;
    const { hidden, dropInput, layer, standardise } = all[numbers[0]];
    this.hidden = hidden;
    this.dropInput = dropInput;
    this.rows = 4 * Math.ceil(batches.size / 4);
    this.slots = arrangeSlots(all, numbers);
    this.keepWanted = new Int32Array(this.places);
    const layouts = headLayers(data.d, hidden, data.outputs);
    const { gpu } = this;
    const { runs } = this.slots;
    const old = (layers: readonly LayerState[]) => ({ runs: from?.slots.runs ?? runs, layers });
    this.layers = from
      ? takeLayers(gpu, runs, old(from.layers))
      : beginLayers(gpu, runs, layouts, headStart(layouts, options.seed));
    if (layer === "sum") {
      if (dropInput)
        throw new UsageError("Nothing is dropped from a weighted sum of layers: set dropInput to false.");
      const layout = sumLayout(data.layers ?? 0);
      [this.sum] = from?.sum
        ? takeLayers(gpu, runs, old([from.sum]))
        : beginLayers(gpu, runs, [layout], [sumStart(layout, options.seed)]);
    }
    this.step = from?.step ?? 0;
    from?.dispose();
    this.stacked = this.sum ? data.layerSources(standardise) : this.slots.sources;
    // Stacks of some layers are large, and those of the runs that have ended are of no use any more.
    if (from && data.layers !== undefined && from.stacked.length > this.stacked.length) {
      data.forget(from.stacked);
    }
    for (const part of ["train", "valid"] as const) data.stack(part, this.stacked); // not while recording
    const captured = <R>(label: string, work: () => R): CapturedWork<R> =>
      capture(this.gpu, () => this.gpu.noGrad(() => this.pinned(work)), { label });
    this.train = captured("head steps", () => this.recordSteps());
    this.evaluation = captured("head evaluation", () => this.recordEvaluation());
    this.keeping = captured("best heads", () => this.recordKeeping());
  }

  /** Places for runs, some of them perhaps empty. */
  get places(): number {
    return this.slots.runs.length;
  }

  /**
   * Checks the kernels of these runs where that was turned on for the device; call it before the first step. Where one was wrong, this
   * cohort has begun with it: make another.
   */
  async check(): Promise<CheckedWork | undefined> {
    const { gpu, slots, states } = this;
    return checkFirst(gpu, () =>
      gpu.noGrad(() =>
        this.pinned(() => {
          moveRuns(states[0].best, slots.runs, states[0].candidate); // how runs begin
          this.recordSteps();
          this.recordEvaluation();
          this.recordKeeping();
        }),
      ),
    );
  }

  /** Does `count` steps. Nothing is waited for. */
  advance(count: number): void {
    for (let left = count; left > 0; left -= this.options.chunk) {
      this.wanted = Math.min(left, this.options.chunk);
      this.train({});
      this.gpu.device.flush();
    }
  }

  /** Validation scores by place, of the weights as they are now; the weights are set aside for `keep`. */
  async evaluate(): Promise<number[]> {
    const { words } = this.evaluation({});
    return this.data.scores(await words.indices());
  }

  /** Remembers the weights that were last evaluated of the runs in these places: they are their best. */
  keep(places: readonly number[]): void {
    if (places.length === 0) return;
    this.keepWanted.fill(-1);
    for (const place of places) this.keepWanted[place] = place;
    this.keeping({});
    this.gpu.device.flush();
  }

  /** The best weights of the run in a place. */
  async best(place: number): Promise<TrainedHead> {
    return this.read(place, ({ best }) => best);
  }

  /** The present weights of the run in a place. */
  async present(place: number): Promise<TrainedHead> {
    return this.read(place, ({ weight }) => weight);
  }

  dispose(): void {
    for (const program of [this.train, this.evaluation, this.keeping]) program.dispose();
    for (const layer of this.states) for (const tensor of tensorsOf(layer)) tensor.dispose();
  }

  /** All that is trained. */
  private get states(): LayerState[] {
    return this.sum ? [...this.layers, this.sum] : this.layers;
  }

  private async read(place: number, which: (layer: LayerState) => Tensor): Promise<TrainedHead> {
    const blocks = this.states.map((layer) => {
      const { rows, columns } = layer.layout;
      const block = this.gpu.empty([rows, columns]).keep();
      moveRuns(which(layer), Int32Array.of(place), block);
      return block;
    });
    const values = await Promise.all(blocks.map((block) => block.data()));
    for (const block of blocks) block.dispose();
    const head = unpackHead(
      this.layers.map(({ layout }) => layout),
      values,
    );
    return this.sum
      ? { ...head, shares: sharesOf(values[this.layers.length], this.sum.layout.inputs) }
      : head;
  }

  private recordSteps(): void {
    const table = this.gpu.scalars(4 * this.places, (out) => {
      out.fill(0);
      this.slots.runs.forEach((run, place) => {
        if (run < 0) return;
        const { rate, active } = this.options.rateOf(run);
        out.set([this.all[run].lr * rate, this.all[run].l2, Number(active)], 4 * place);
      });
    });
    for (let i = 0; i < this.options.chunk; i++) this.gpu.scope(() => this.recordStep(table));
  }

  /** What the kernels of one step read; see shaders/probe/draw and adam. */
  private stepWords(): Tensor {
    return this.gpu.scalars(stepHeader + this.rows, (out) => {
      const words = new Uint32Array(out.buffer, out.byteOffset, out.length);
      words.fill(noExample, stepHeader);
      if (this.wanted === 0) {
        out.fill(0, 0, stepHeader);
        return;
      }
      this.wanted--;
      const count = this.batches.draw(this.step, words.subarray(stepHeader));
      const [input, inner] = dropKeys(this.options.seed, this.step);
      this.step++;
      words[0] = input;
      words[1] = inner;
      out[2] = 1 / count;
      [out[3], out[4]] = adamCorrections(this.step);
      words[5] = 1;
    });
  }

  private recordStep(table: Tensor): void {
    const { gpu, data, slots, rows, hidden, places } = this;
    const output = this.layers[this.layers.length - 1];
    const now = this.stepWords();
    const shares = this.sum && layerShares(this.sum.weight, this.sum.layout.inputs);
    const layers = { stack: data.stack("train", this.stacked), features: data.d };
    const x = shares
      ? summedInput(gpu, layers, shares, rows, now)
      : drawInput(data, layers.stack, slots, now, { rows, drops: this.dropInput });
    const [variants] = x.shape; // of the input; a weighted sum is each run's own
    const each = places / variants;
    const sharing = { n: rows, k: data.columns, batch: variants, strideB: rows * data.columns };
    if (hidden === 0) {
      const m = each * output.layout.rows;
      const z = gpu.empty([places, output.layout.rows, rows]);
      product(output.weight, x, z, { ...sharing, m, strideA: m * data.columns, transposeB: true });
      lossGradient(data, now, z);
      if (this.sum && shares) this.learnShares(this.sum, shares, output, z, table, now);
      adam(output, this.firstGradient(z, x, m, variants, data.columns), table, now);
      return;
    }
    const [inner] = this.layers;
    const units = inner.layout.rows;
    const m = each * units;
    const h = gpu.empty([places, units, rows]);
    product(inner.weight, x, h, { ...sharing, m, strideA: m * data.columns, transposeB: true });
    activate(h, slots, hidden, now);
    const z = gpu.empty([places, output.layout.rows, rows]);
    const own = { batch: places, strideA: output.layout.rows * units, strideB: units * rows };
    product(output.weight, h, z, { ...own, m: output.layout.rows, n: rows, k: units });
    lossGradient(data, now, z);
    const dOut = gpu.empty(output.weight.shape);
    product(z, h, dOut, {
      ...{ m: output.layout.rows, n: units, k: rows, batch: places, transposeB: true },
      ...{ strideA: output.layout.rows * rows, strideB: units * rows },
    });
    const dh = hiddenGradient(h, output.weight, z, slots, { hidden, classes: data.outputs });
    if (this.sum && shares) this.learnShares(this.sum, shares, inner, dh, table, now);
    adam(output, dOut, table, now);
    adam(inner, this.firstGradient(dh, x, m, variants, data.columns), table, now);
  }

  /** A step of the weights of a sum, from the gradient d [places, units, rows] of what its layer's weights make of it. */
  private learnShares(
    sum: LayerState,
    shares: Tensor,
    { weight, layout }: LayerState,
    d: Tensor,
    table: Tensor,
    now: Tensor,
  ): void {
    const { gpu, data, places, rows } = this;
    const dx = gpu.empty([places, rows, data.columns]);
    product(d, weight, dx, {
      ...{ m: rows, n: data.columns, k: layout.rows, batch: places, transposeA: true },
      ...{ strideA: layout.rows * rows, strideB: layout.rows * data.columns },
    });
    const layers = { stack: data.stack("train", this.stacked), features: data.d };
    adam(sum, sumGradient(layers, shares, dx, now), table, now);
  }

  /** The gradient of the weights that the input meets: of [variants, m, rows] with x [variants, rows, columns]. */
  private firstGradient(d: Tensor, x: Tensor, m: number, variants: number, columns: number): Tensor {
    const out = this.gpu.empty([variants, m, columns]);
    const strides = { strideA: m * this.rows, strideB: this.rows * columns };
    product(d, x, out, { m, n: columns, k: this.rows, batch: variants, ...strides });
    return out;
  }

  /** Records `work` with one kernel for all products. */
  private pinned<R>(work: () => R): R {
    const { gpu, hidden, layers } = this;
    const rows = layers[layers.length - 1].layout.rows;
    return pinProducts(gpu.device, (m) => hidden > 0 && m === rows && rows <= 16, work);
  }

  private recordEvaluation(): { words: Tensor } {
    const { gpu, data, hidden, places } = this;
    for (const { weight, candidate } of this.states)
      gpu.device.copy(weight.block, candidate.block, weight.byteLength);
    const output = this.layers[this.layers.length - 1];
    const stack = data.stack("valid", this.stacked);
    const n = data.validRows;
    const { sum } = this;
    const x = sum
      ? summedInput(gpu, { stack, features: data.d }, layerShares(sum.weight, sum.layout.inputs), n)
      : stack;
    const [batch] = x.shape;
    const perSource = places / batch;
    const units = this.layers[0].layout.rows;
    const m = perSource * units;
    const strides = { strideA: m * data.columns, strideB: n * data.columns };
    let z = gpu.empty([places, units, n]);
    product(this.layers[0].weight, x, z, { m, n, k: data.columns, batch, ...strides, transposeB: true });
    if (hidden > 0) {
      const h = z;
      activate(h, this.slots, hidden);
      z = gpu.empty([places, output.layout.rows, n]);
      const own = { batch: places, strideA: output.layout.rows * units, strideB: units * n };
      product(output.weight, h, z, { ...own, m: output.layout.rows, n, k: units });
    }
    return { words: data.tally(z, places, output.layout.rows) };
  }

  private recordKeeping(): void {
    const map = this.gpu.scalars(this.places, (out) => {
      new Int32Array(out.buffer, out.byteOffset, out.length).set(this.keepWanted);
    });
    for (const { candidate, best } of this.states) recordMove(candidate, map, best, false);
  }
}
