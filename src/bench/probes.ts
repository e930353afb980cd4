// The grid of probe heads trained together against the same heads trained one at a time with the engine's ordinary operations, both
// recorded and replayed, both judged every 8 steps with the scores read back, in one run and taking turns. A bounded number of rounds:
// what is compared is the time of a run's 8 steps and one evaluation. Scores are not looked at here.

import { Optimizer } from "../nn/optim.js";
import { ParameterSet } from "../nn/parameters.js";
import { backward, bceWithLogits, crossEntropy, dropout, indexSelect, linear } from "../ops/index.js";
import { median } from "../ops/tuning.js";
import { HeadBatches } from "../probe/grid/batches.js";
import { Cohort } from "../probe/grid/cohort.js";
import { HeadData } from "../probe/grid/data.js";
import { gridOf, type HeadRun } from "../probe/grid/grids.js";
import { planCohorts } from "../probe/grid/trainer.js";
import type { ProbeLabels } from "../probe/labels.js";
import { accuracy, argmaxRows, rocAucMacro } from "../probe/metrics.js";
import type { ClipSplit } from "../probe/split.js";
import type { FeatureTable } from "../probe/standardise.js";
import { type Captured, capture } from "../tensor/capture.js";
import type { Gpu } from "../tensor/gpu.js";
import { Random } from "../tensor/random.js";
import type { Tensor } from "../tensor/tensor.js";

/** One part of the grid on one kind of task. */
export interface ProbePlan {
  name: string;
  kind: "classification" | "multilabel";
  outputs: number;
  features: number;
  train: number;
  valid: number;
  hidden: 0 | 512;
  batch: 64 | 256;
}

export interface ProbeRow {
  name: string;
  shape: string;
  /** Heads of this part of the grid, and as many of them as are trained at once. */
  heads: number;
  atOnce: number;
  /** Milliseconds of 8 steps and an evaluation of one head, together and one at a time: medians, and the least. */
  togetherMs: number;
  aloneMs: number;
  minTogetherMs: number;
  minAloneMs: number;
  /** The same in processor time of this process: on software adapters, whose device it is, steadier on a busy machine. */
  togetherCpuMs: number;
  aloneCpuMs: number;
  /** alone / together, of the medians, of the least, and of processor time. */
  ratio: number;
  bestRatio: number;
  cpuRatio: number;
  rounds: number;
}

const steps = 8;
/** Of the cohorts that a part of the grid is trained in, so many are timed. */
const cohortsTimed = 2;

/** GTZAN's and MagnaTagATune's sizes; on a software adapter a tenth of the latter's clips, and of hidden heads the first task only. */
export function probePlans({ software }: { software: boolean }): ProbePlan[] {
  const genre = { kind: "classification", outputs: 10, train: 443, valid: 197 } as const;
  const tags = {
    kind: "multilabel",
    outputs: 50,
    train: software ? 1870 : 18706,
    valid: software ? 183 : 1825,
  } as const;
  const features = software ? 96 : 768;
  const plans: ProbePlan[] = [];
  for (const hidden of [0, 512] as const) {
    for (const batch of [64, 256] as const) {
      const head = hidden > 0 ? "hidden" : "linear";
      plans.push({ name: `genre, ${head}, batch ${batch}`, ...genre, features, hidden, batch });
      if (software && hidden > 0) continue;
      plans.push({ name: `tags, ${head}, batch ${batch}`, ...tags, features, hidden, batch });
    }
  }
  return plans;
}

export interface ProbeBenchOptions {
  /** Rounds of each plan. Default 7. */
  rounds?: number;
  /** Heads of the one-at-a-time side that a round trains; its time is per head. Default 4. */
  sample?: number;
  onProgress?(text: string): void;
  stopped?(): boolean;
}

/** Times every plan. */
export async function measureProbes(
  gpu: Gpu,
  plans: readonly ProbePlan[],
  { rounds = 7, sample = 4, onProgress, stopped }: ProbeBenchOptions = {},
): Promise<ProbeRow[]> {
  const rows: ProbeRow[] = [];
  for (const plan of plans) {
    if (stopped?.()) break;
    onProgress?.(`${rows.length + 1}/${plans.length} ${plan.name}`);
    rows.push(await measurePlan(gpu, plan, rounds, sample));
    gpu.device.pool.trim();
  }
  return rows;
}

async function measurePlan(gpu: Gpu, plan: ProbePlan, rounds: number, sample: number): Promise<ProbeRow> {
  const { task, table, split } = problemOf(plan);
  const data = new HeadData(gpu, task, table, split);
  const { runs } = gridOf("jukemir");
  const all = runs.filter(({ hidden, batch }) => hidden === plan.hidden && batch === plan.batch);
  const batches = () => new HeadBatches(plan.train, plan.batch, 0, "sample");
  const parts = planCohorts(data, all).slice(0, cohortsTimed);
  const heads = parts.reduce((sum, { length }) => sum + length, 0);
  const cohorts = parts.map(
    (numbers) =>
      new Cohort(data, all, numbers, batches(), {
        chunk: steps,
        seed: 0,
        rateOf: () => ({ rate: 1, active: true }),
      }),
  );
  const every = Math.floor(all.length / sample);
  const singles = Array.from(
    { length: sample },
    (_, i) => new SingleHead(gpu, plan, all[i * every], data, batches(), task, split),
  );
  const together = async () => {
    for (const cohort of cohorts) {
      cohort.advance(steps);
      await cohort.evaluate();
      cohort.keep([0]);
    }
  };
  const alone = async () => {
    for (const single of singles) await single.round();
  };
  const timed = async (work: () => Promise<void>, count: number) => {
    const before = process.cpuUsage();
    const start = performance.now();
    await work();
    await gpu.device.finish();
    const ms = (performance.now() - start) / count;
    const { user, system } = process.cpuUsage(before);
    return { ms, cpu: (user + system) / 1000 / count };
  };
  try {
    for (let i = 0; i < 2; i++) {
      await together();
      await alone();
    }
    const [a, b]: [{ ms: number; cpu: number }[], { ms: number; cpu: number }[]] = [[], []];
    for (let round = 0; round < rounds; round++) {
      a.push(await timed(together, heads));
      b.push(await timed(alone, singles.length));
    }
    const least = (samples: typeof a) => Math.min(...samples.map(({ ms }) => ms));
    const middle = (samples: typeof a, key: "ms" | "cpu") => median(samples.map((each) => each[key]));
    return {
      name: plan.name,
      shape: `${plan.features} features, ${plan.outputs} outputs, ${plan.valid} validation clips`,
      heads: all.length,
      atOnce: parts[0].length,
      togetherMs: middle(a, "ms"),
      aloneMs: middle(b, "ms"),
      minTogetherMs: least(a),
      minAloneMs: least(b),
      togetherCpuMs: middle(a, "cpu"),
      aloneCpuMs: middle(b, "cpu"),
      ratio: middle(b, "ms") / middle(a, "ms"),
      bestRatio: least(b) / least(a),
      cpuRatio: middle(b, "cpu") / middle(a, "cpu"),
      rounds,
    };
  } finally {
    for (const cohort of cohorts) cohort.dispose();
    for (const single of singles) single.dispose();
    data.dispose();
  }
}

/** One head as one would write it with the engine: a recorded round of 8 steps, a recorded evaluation, the metric on the CPU. */
class SingleHead {
  private readonly parameters: ParameterSet;
  private readonly optimizer: Optimizer;
  private readonly best: ReturnType<ParameterSet["arena"]>;
  private readonly x: Tensor;
  private readonly valid: Tensor;
  private readonly train: Captured<Record<string, Tensor>, void>;
  private readonly evaluate: Captured<Record<string, never>, Tensor>;
  private readonly labels: Float64Array;
  private step = 0;

  constructor(
    private readonly gpu: Gpu,
    private readonly plan: ProbePlan,
    private readonly run: HeadRun,
    private readonly data: HeadData,
    private readonly batches: HeadBatches,
    task: ProbeLabels,
    split: ClipSplit,
  ) {
    const { features, outputs, hidden } = plan;
    const init = (inputs: number) => (size: number, random: Random) =>
      Float32Array.from({ length: size }, () => (2 * random.uniform() - 1) / Math.sqrt(inputs));
    const layer = (name: string, inputs: number, units: number) => [
      { name: `${name}.weight`, shape: [units, inputs], init: init(inputs) },
      { name: `${name}.bias`, shape: [units], init: init(inputs) },
    ];
    this.parameters = new ParameterSet(
      gpu,
      hidden > 0
        ? [...layer("hidden", features, hidden), ...layer("output", hidden, outputs)]
        : layer("output", features, outputs),
      new Random(0),
    );
    this.optimizer = new Optimizer(this.parameters, { rule: "adam", weightDecay: run.l2 });
    this.best = this.parameters.arena("best");
    const rows = (part: "train" | "valid") => {
      const values = data.rowsOf(part, run.standardise);
      return gpu.tensor(values, [values.length / features, features]).keep();
    };
    this.x = rows("train");
    this.valid = rows("valid");
    this.labels = Float64Array.from(split.valid.flatMap((clip) => task.labels[clip]));
    this.train = capture(gpu, (inputs) => this.steps(inputs), { label: "one head" });
    this.evaluate = capture(gpu, () => gpu.noGrad(() => this.forward(this.valid, false)), {
      label: "one head",
    });
  }

  async round(): Promise<void> {
    const { gpu, batches } = this;
    const indices = new Uint32Array(batches.size);
    const inputs: Record<string, Tensor> = {};
    for (let i = 0; i < steps; i++) {
      batches.draw(this.step++, indices);
      inputs[`step${i}`] = gpu.tensor(Int32Array.from(indices));
    }
    this.train(inputs);
    for (const tensor of Object.values(inputs)) tensor.dispose();
    const scores = await this.evaluate({}).data();
    if (this.plan.kind === "multilabel") rocAucMacro(this.labels, scores, this.plan.outputs);
    else accuracy(this.labels, argmaxRows(scores, this.plan.outputs));
    gpu.device.copy(this.parameters.arenas.values, this.best.whole); // as if it were the best
    gpu.device.flush();
  }

  dispose(): void {
    this.train.dispose();
    this.evaluate.dispose();
    this.optimizer.dispose();
    this.best.destroy();
    this.parameters.dispose();
    this.x.dispose();
    this.valid.dispose();
  }

  private forward(x: Tensor, drop: boolean): Tensor {
    const { parameters, run } = this;
    const dropped = (tensor: Tensor, layer: number) =>
      drop ? dropout(tensor, { p: run.dropout, seed: () => 2 * this.step + layer }) : tensor;
    let h = dropped(x, 0);
    if (run.hidden > 0) {
      h = linear(h, parameters.get("hidden.weight"), parameters.get("hidden.bias")).relu();
      h = dropped(h, 1);
    }
    return linear(h, parameters.get("output.weight"), parameters.get("output.bias"));
  }

  private steps(inputs: Record<string, Tensor>): void {
    const { gpu, data, x, optimizer, parameters, run } = this;
    for (let i = 0; i < steps; i++) {
      gpu.scope(() => {
        const index = inputs[`step${i}`];
        const scores = this.forward(indexSelect(x, index), true);
        const targets = indexSelect(data.targets, index);
        parameters.zeroGrad();
        backward(
          this.plan.kind === "multilabel" ? bceWithLogits(scores, targets) : crossEntropy(scores, targets),
        );
        optimizer.update(run.lr);
      });
    }
  }
}

/** Random features with labels that follow from them. */
function problemOf({ kind, outputs, features, train, valid }: ProbePlan) {
  const random = new Random(1);
  const n = train + valid + 4;
  const values = Float32Array.from({ length: n * features }, () => random.normal());
  const labels = Array.from({ length: n }, (_, i) =>
    kind === "classification"
      ? [Math.min(outputs - 1, Math.floor(Math.abs(4 * values[i * features])))]
      : Array.from({ length: outputs }, (_, k) => Number(values[i * features + (k % features)] > 1.5)),
  );
  const range = (from: number, count: number) => Array.from({ length: count }, (_, i) => from + i);
  const split: ClipSplit = {
    train: range(0, train),
    valid: range(train, valid),
    test: range(train + valid, 4),
    dropped: 0,
  };
  const task: ProbeLabels = { kind, classes: range(0, outputs).map((k) => `class ${k}`), labels };
  const table: FeatureTable = { n, d: features, values };
  return { task, table, split };
}

/** The rows as text, with what they come to over the whole grid. */
export function probeTable(rows: readonly ProbeRow[]): string {
  const number = (value: number) => value.toFixed(value < 1 ? 3 : 2).padStart(10);
  const head = `${"part of the grid".padEnd(28)}${["heads", "at once", "together", "one by one", "ratio", "of least", "of cpu"].map((word) => word.padStart(11)).join("")}`;
  const lines = rows.map(
    (row) =>
      `${row.name.padEnd(28)}${String(row.heads).padStart(11)}${String(row.atOnce).padStart(11)} ${number(row.togetherMs)} ${number(row.aloneMs)} ${number(row.ratio)} ${number(row.bestRatio)} ${number(row.cpuRatio)}`,
  );
  const task = (name: string) => rows.filter((row) => row.name.startsWith(name));
  const wholes = ["genre", "tags"].flatMap((name) => {
    const parts = task(name);
    if (parts.length < 2) return [];
    const sum = (key: "togetherMs" | "aloneMs") =>
      parts.reduce((total, row) => total + row.heads * row[key], 0);
    const heads = parts.reduce((total, row) => total + row.heads, 0);
    return `${name}: all ${heads} heads ${(sum("aloneMs") / sum("togetherMs")).toFixed(1)} times as fast together`;
  });
  return [head, ...lines, ...wholes].join("\n");
}

export const probeLegend =
  "Milliseconds of one head's 8 steps and evaluation, medians over the rounds; one by one: the same head with the engine's own " +
  "operations, recorded and replayed. Ratios above 1: together is faster.";
