// One task's features and targets as a grid of heads reads them: on the device, padded, as they are and standardised; and how the
// scores of many heads on the validation part become one number a head (shaders/probe/tally). Not here: training.
import { DataError } from "../../gpu/errors.js";
import { firstUsable } from "../../ops/alternatives.js";
import { foldGroups } from "../../ops/launch.js";
import type { Gpu } from "../../tensor/gpu.js";
import type { Tensor } from "../../tensor/tensor.js";
import type { ProbeLabels } from "../labels.js";
import { outputsOf } from "../protocol.js";
import { familyOf } from "../scores/index.js";
import { clipsBySong } from "../songs.js";
import type { ClipSplit } from "../split.js";
import { type FeatureTable, notFinite, Standardiser, takeRows } from "../standardise.js";
import { type HeadSource, sourceKey } from "./slots.js";

/** A part of the split. */
export type HeadPart = "train" | "valid" | "test";

/** What is compared on the validation part: the metric that decides when training ends and which run is the best. */
interface Judge {
  kind: 0 | 1 | 2 | 3;
  labels: Tensor;
  songs: Tensor;
  points: Tensor | undefined;
  /** Words of one run. */
  words: number;
  /** Songs or clips that are counted. */
  count: number;
  score(words: Uint32Array<ArrayBuffer>): number;
}

/** Points that make one whole in the tables of accuracy and of key scores: 0.5, 0.3 and 0.2 are whole tenths. */
const wholePoints = 10;

/** A task's features and targets on the device. */
export class HeadData {
  readonly kind: ProbeLabels["kind"];
  /** Features, classes or targets, and examples of the training part. */
  readonly d: number;
  readonly outputs: number;
  readonly examples: number;
  /** Features with the column of ones, padded to a multiple of 4. */
  readonly columns: number;
  /** [examples] of i32 classes, or [examples, outputs]. */
  readonly targets: Tensor;
  /** Validation examples, padded to a multiple of 4. */
  readonly validRows: number;
  readonly judge: Judge;
  /** For regression: targets are (y − mean)/scale, measured on all that is not tested on. */
  readonly centre: { mean: Float64Array; scale: Float64Array };
  /** Layers of the features, where runs see them one by one. */
  readonly layers: number | undefined;
  private measured: Standardiser | undefined;
  private readonly stacks = new Map<string, Tensor>();

  /**
   * @param byLayer runs see one layer of the features, or a weighted sum: `d` is then the width of one
   * @throws DataError where no validation example can be scored
   */
  constructor(
    readonly gpu: Gpu,
    readonly task: ProbeLabels,
    readonly table: FeatureTable,
    readonly split: ClipSplit,
    byLayer = false,
  ) {
    this.kind = task.kind;
    this.layers = byLayer ? table.layers : undefined;
    this.d = table.d / (this.layers ?? 1);
    this.outputs = outputsOf(task);
    this.examples = split.train.length;
    this.columns = 4 * Math.ceil((this.d + 1) / 4);
    this.validRows = 4 * Math.ceil(split.valid.length / 4);
    // By layer features are many, and heads on them read them as they are.
    if (!byLayer) this.measured = new Standardiser(takeRows(table, split.train), table.d);
    else if (!table.values.every(Number.isFinite)) throw notFinite();
    this.centre = this.measure();
    this.targets = this.targetsOf(split.train);
    this.judge = this.makeJudge();
  }

  /** Features of a part for each of `sources`: [sources, examples, columns], zeros below. */
  stack(part: HeadPart, sources: readonly HeadSource[]): Tensor {
    const key = stackKey(part, sources);
    let stack = this.stacks.get(key);
    if (!stack) {
      const clips = this.split[part];
      const { d, columns } = this;
      const rows = part === "train" ? clips.length : 4 * Math.ceil(clips.length / 4);
      const values = new Float32Array(sources.length * rows * columns);
      for (const [s, { standardise, layer }] of sources.entries()) {
        const x = this.rowsOf(part, standardise, layer);
        for (let i = 0; i < clips.length; i++) {
          const at = (s * rows + i) * columns;
          values.set(x.subarray(i * d, (i + 1) * d), at);
          values[at + d] = 1;
        }
      }
      stack = this.gpu.tensor(values, [sources.length, rows, columns]).keep();
      this.stacks.set(key, stack);
    }
    return stack;
  }

  private get scaler(): Standardiser {
    this.measured ??= new Standardiser(takeRows(this.table, this.split.train), this.table.d);
    return this.measured;
  }

  /** All layers as sources, in their order. */
  layerSources(standardise: boolean): HeadSource[] {
    return Array.from({ length: this.layers ?? 0 }, (_, layer) => ({ standardise, layer }));
  }

  /** Gives back the stacks of sources that no cohort will ask for again. */
  forget(sources: readonly HeadSource[]): void {
    for (const part of ["train", "valid"] as const) {
      const key = stackKey(part, sources);
      this.stacks.get(key)?.dispose();
      this.stacks.delete(key);
    }
  }

  /** Features of a part, [clips, d]; `shares` of the layers where they are summed. */
  rowsOf(
    part: HeadPart,
    standardise: boolean,
    layer?: HeadSource["layer"],
    shares?: ArrayLike<number>,
  ): Float32Array<ArrayBuffer> {
    const { table, d } = this;
    const clips = this.split[part];
    const out = new Float32Array(clips.length * d);
    const { mean, scale } = standardise ? this.scaler : {};
    const summed = layer === "sum" ? [...Array(this.layers ?? 0).keys()] : [layer ?? 0];
    for (const [i, clip] of clips.entries()) {
      for (let j = 0; j < d; j++) {
        let sum = 0;
        for (const l of summed) {
          const at = l * d + j;
          const value = table.values[clip * table.d + at];
          sum += (shares?.[l] ?? 1) * (mean && scale ? (value - mean[at]) / scale[at] : value);
        }
        out[i * d + j] = sum;
      }
    }
    return out;
  }

  /**
   * Records the judgement of scores [runs, rows, validRows]: words from which `scores` makes one number a run. Outside the graph.
   */
  tally(z: Tensor, runs: number, rows: number): Tensor {
    const { gpu, outputs, judge, split, validRows } = this;
    const { kind, labels, songs, points, words, count } = judge;
    const result = gpu.empty([runs, words], { dtype: "i32" });
    const single = kind === 0 || kind === 1;
    const results = single ? runs : runs * outputs;
    const width = gpu.device.capabilities.software ? 16 : 64;
    const build = (invocations: number) => ({
      KIND: kind,
      LABEL: kind === 3 ? "vec4<f32>" : "u32",
      WIDTH: invocations,
      CLASSES: kind === 1 ? outputs : 1,
    });
    const kernel = firstUsable(gpu.device, "probe/tally", [build(width), build(1)]);
    const blocks = [z, labels, songs, ...(points ? [points] : []), result].map((tensor) => tensor.block);
    const examples = split.valid.length;
    const params = { results, rows, classes: outputs, quads: validRows / 4, examples, songs: count };
    gpu.device.run(kernel, blocks, params, foldGroups(results));
    return result;
  }

  /** One validation score a run, from what `tally` left; NaN where a run's scores are not numbers. */
  scores(words: Int32Array<ArrayBuffer>): number[] {
    const each = this.judge.words;
    return Array.from({ length: words.length / each }, (_, run) =>
      this.judge.score(new Uint32Array(words.buffer, words.byteOffset + 4 * each * run, each)),
    );
  }

  dispose(): void {
    const { labels, songs, points } = this.judge;
    for (const tensor of [this.targets, labels, songs, points, ...this.stacks.values()]) tensor?.dispose();
    this.stacks.clear();
  }

  private measure(): HeadData["centre"] {
    const { outputs, split, task } = this;
    const mean = new Float64Array(outputs);
    const scale = new Float64Array(outputs).fill(1);
    if (this.kind !== "regression") return { mean, scale };
    const known = [...split.train, ...split.valid];
    for (let k = 0; k < outputs; k++) {
      for (const clip of known) mean[k] += task.labels[clip][k] / known.length;
      let squares = 0;
      for (const clip of known) squares += (task.labels[clip][k] - mean[k]) ** 2 / known.length;
      if (squares > 0) scale[k] = Math.sqrt(squares);
    }
    return { mean, scale };
  }

  private targetsOf(clips: readonly number[]): Tensor {
    const { gpu, outputs, task, centre } = this;
    if (this.kind === "classification") {
      return gpu.tensor(Int32Array.from(clips, (clip) => task.labels[clip][0])).keep();
    }
    const values = new Float32Array(clips.length * outputs);
    for (const [i, clip] of clips.entries()) {
      for (let k = 0; k < outputs; k++) {
        values[i * outputs + k] = (task.labels[clip][k] - centre.mean[k]) / centre.scale[k];
      }
    }
    return gpu.tensor(values, [clips.length, outputs]).keep();
  }

  private makeJudge(): Judge {
    switch (this.kind) {
      case "classification":
        return this.classJudge();
      case "multilabel":
        return this.tagJudge();
      case "regression":
        return this.numberJudge();
    }
  }

  private classJudge(): Judge {
    const { gpu, outputs, split, task } = this;
    const family = familyOf(task);
    const table =
      family.worth?.() ??
      Float64Array.from({ length: outputs * outputs }, (_, i) => Number(i % (outputs + 1) === 0));
    const points = words(
      gpu,
      Int32Array.from(table, (value) => Math.round(wholePoints * value)),
    );
    const labels = split.valid.map((clip) => task.labels[clip][0]);
    const share = (sum: number, count: number) =>
      sum === noNumber ? Number.NaN : sum / (wholePoints * count);
    const { pieces } = task;
    if (!family.ofSongs || !pieces) {
      return {
        kind: 0,
        labels: words(gpu, Int32Array.from(labels)),
        songs: words(gpu, Int32Array.of(0)),
        points,
        words: 1,
        count: labels.length,
        score: ([sum]) => share(sum, labels.length),
      };
    }
    const songs = clipsBySong(split.valid.map((clip) => pieces[clip]));
    return {
      kind: 1,
      labels: words(
        gpu,
        Int32Array.from(songs, ([clip]) => labels[clip]),
      ),
      songs: words(gpu, lists(songs)),
      points,
      words: 4,
      count: songs.length,
      score: (sums) => Math.max(...Array.from(sums, (sum) => share(sum, songs.length))),
    };
  }

  private tagJudge(): Judge {
    const { gpu, outputs, split, task } = this;
    const positives = Array.from({ length: outputs }, (_, tag) =>
      [...split.valid.keys()].filter((i) => task.labels[split.valid[i]][tag] > 0),
    );
    const n = split.valid.length;
    const scored = positives.flatMap(({ length }, tag) => (length > 0 && length < n ? [tag] : []));
    if (scored.length === 0) {
      throw new DataError(
        `None of the ${outputs} tags is both on and off among the ${n} validation clips: there is nothing to choose a head by.`,
      );
    }
    const area = (sum: number, p: number) =>
      sum === noNumber ? Number.NaN : (sum - p * p) / (2 * p * (n - p));
    return {
      kind: 2,
      labels: words(gpu, Int32Array.of(0)),
      songs: words(gpu, lists(positives)),
      points: undefined,
      words: outputs,
      count: 0,
      score: (sums) =>
        scored.reduce((total, tag) => total + area(sums[tag], positives[tag].length), 0) / scored.length,
    };
  }

  private numberJudge(): Judge {
    const { gpu, outputs, split, task, centre, validRows } = this;
    const labels = new Float32Array(outputs * validRows);
    const totals = new Float64Array(outputs);
    for (let k = 0; k < outputs; k++) {
      const y = split.valid.map((clip) => (task.labels[clip][k] - centre.mean[k]) / centre.scale[k]);
      const mean = y.reduce((sum, value) => sum + value, 0) / y.length;
      totals[k] = y.reduce((sum, value) => sum + (value - mean) ** 2, 0);
      labels.set(y, k * validRows);
    }
    return {
      kind: 3,
      labels: gpu.tensor(labels).keep(),
      songs: words(gpu, Int32Array.of(0)),
      points: undefined,
      words: outputs,
      count: 0,
      score: (sums) => {
        const squares = new Float32Array(sums.buffer, sums.byteOffset, outputs);
        let sum = 0;
        for (let k = 0; k < outputs; k++) {
          const exact = totals[k] === 0 && squares[k] === 0;
          sum +=
            totals[k] > 0
              ? 1 - squares[k] / totals[k]
              : exact
                ? 1
                : Number(Number.isNaN(squares[k]) && Number.NaN);
        }
        return sum / outputs;
      },
    };
  }
}

function stackKey(part: HeadPart, sources: readonly HeadSource[]): string {
  return [part, ...sources.map(sourceKey)].join(", ");
}

/** What the kernel writes where a score is not a number. */
const noNumber = 0xffffffff;

function words(gpu: Gpu, values: Int32Array): Tensor {
  return gpu.tensor(values, [values.length], { dtype: "i32" }).keep();
}

/** The starts of the lists, their end, and then all their items. */
function lists(items: readonly (readonly number[])[]): Int32Array {
  const starts = [0];
  for (const list of items) starts.push(starts[starts.length - 1] + list.length);
  return Int32Array.from([...starts, ...items.flat()]);
}
