// The batched training of heads against one head in float64, and against itself one run at a time.
import { describe, expect, it } from "vitest";
import { HeadBatches } from "../../../src/probe/grid/batches.js";
import { Cohort } from "../../../src/probe/grid/cohort.js";
import { HeadData } from "../../../src/probe/grid/data.js";
import { gridOf, type HeadRun } from "../../../src/probe/grid/grids.js";
import { probeGrid } from "../../../src/probe/grid/protocol.js";
import { bestRun, trainHeads } from "../../../src/probe/grid/trainer.js";
import type { ProbeLabels } from "../../../src/probe/labels.js";
import { Standardiser, takeRows } from "../../../src/probe/standardise.js";
import { Random } from "../../../src/tensor/random.js";
import { freshSeed, useGpu } from "../../support/gpu.js";
import { type ReferenceProblem, trainReference } from "./reference.js";

const gpu = useGpu();
const seed = freshSeed("cohort");

type Kind = ProbeLabels["kind"];

/** Features that say something of the labels. */
function problem(kind: Kind, n: number, d: number, outputs: number, stream = 0) {
  const random = new Random(seed, stream);
  const values = Float32Array.from({ length: n * d }, () => 0.5 + 2 * random.normal());
  const map = Float64Array.from({ length: d * outputs }, () => random.normal());
  const labels = Array.from({ length: n }, (_, i) => {
    const z = Array.from({ length: outputs }, (_, k) => {
      let sum = 2 * random.normal();
      for (let j = 0; j < d; j++) sum += values[i * d + j] * map[k * d + j];
      return sum;
    });
    if (kind === "classification") return [z.indexOf(Math.max(...z))];
    return kind === "multilabel" ? z.map((score) => Number(score > 1)) : z;
  });
  const classes = Array.from({ length: outputs }, (_, k) => `class ${k}`);
  const order = [...random.permutation(n)];
  const split = {
    train: order.slice(0, Math.floor(0.6 * n)),
    valid: order.slice(Math.floor(0.6 * n), Math.floor(0.8 * n)),
    test: order.slice(Math.floor(0.8 * n)),
    dropped: 0,
  };
  const task: ProbeLabels = { kind, classes, labels };
  return { task, table: { n, d, values }, split };
}

const run = (over: Partial<HeadRun>): HeadRun => ({
  standardise: false,
  hidden: 0,
  batch: 16,
  lr: 1e-2,
  dropout: 0.5,
  dropInput: true,
  l2: 0,
  ...over,
});

function referenceOf(
  { task, table, split }: ReturnType<typeof problem>,
  each: HeadRun,
  data: HeadData,
): ReferenceProblem {
  const rows = takeRows(table, split.train);
  if (each.standardise) new Standardiser(takeRows(table, split.train), table.d).apply(rows);
  const { mean, scale } = data.centre;
  return {
    kind: task.kind,
    outputs: data.outputs,
    x: split.train.map((_, i) => [...Float32Array.from(rows.subarray(i * table.d, (i + 1) * table.d))]),
    y: split.train.map((clip) =>
      task.labels[clip].map((value, k) =>
        task.kind === "regression" ? (value - mean[k]) / scale[k] : value,
      ),
    ),
  };
}

type Weights = readonly { weight: ArrayLike<number>; bias: ArrayLike<number> }[];

/**
 * Weights after a few of Adam's steps, in units of one. Where a gradient almost cancels, its last bits decide how far that weight goes
 * (Adam divides by the gradient's own size), so that of two hundred weights one may be farther off.
 */
function expectWeights(found: Weights, expected: Weights, lr: number): void {
  const off = found.flatMap(({ weight, bias }, l) =>
    [...Array.from(weight), ...Array.from(bias)].map((value, i) => {
      const { weight: wanted, bias: wantedBias } = expected[l];
      const right = i < wanted.length ? wanted[i] : wantedBias[i - wanted.length];
      return Math.abs(value - right) / lr;
    }),
  );
  off.sort((a, b) => b - a);
  expect(off.every(Number.isFinite)).toBe(true);
  expect(off[0]).toBeLessThan(0.5);
  expect(off[Math.ceil(off.length / 200)]).toBeLessThan(0.02);
}

describe("a cohort", () => {
  it.each([
    ["classification", 0, 50, 7, 3, true],
    ["classification", 13, 50, 7, 5, true],
    ["multilabel", 0, 41, 12, 6, true],
    ["multilabel", 8, 41, 12, 2, false],
    ["regression", 0, 33, 5, 2, true],
    ["regression", 7, 23, 3, 1, true],
  ] as const)(
    "trains as float64 does: %s, %i hidden, %i clips, %i features, %i outputs",
    async (kind, hidden, n, d, outputs, dropInput) => {
      const made = problem(kind, n, d, outputs, hidden + n);
      const data = new HeadData(gpu(), made.task, made.table, made.split);
      const runs = [
        run({ hidden, dropInput }),
        run({ hidden, dropInput, dropout: 0.25, lr: 1e-3, standardise: true }),
        run({ hidden, dropInput, dropout: 0.25, l2: 0.1 }),
        run({ hidden, dropInput, dropout: 0.75, l2: 1e-3, standardise: true }),
      ];
      const batches = () => new HeadBatches(data.examples, 16, seed, "epoch");
      const numbers = [...runs.keys()];
      const cohort = new Cohort(data, runs, numbers, batches(), {
        chunk: 3,
        seed,
        rateOf: () => ({ rate: 1, active: true }),
      });
      const steps = 5; // the second of two programs has one step that does nothing
      cohort.advance(steps);
      for (const [index, each] of runs.entries()) {
        const expected = trainReference(referenceOf(made, each, data), each, batches(), seed, steps);
        const { layers } = await cohort.present(cohort.slots.runs.indexOf(index));
        expectWeights(layers, expected, each.lr);
      }
      cohort.dispose();
      data.dispose();
    },
  );
});

describe("features by layer", () => {
  const layered = (made: ReturnType<typeof problem>, layers: number) => ({
    ...made,
    table: { ...made.table, layers },
  });

  it.each([
    ["classification", 0, 50, 3, 7, 5],
    ["classification", 13, 50, 4, 6, 5],
    ["multilabel", 8, 41, 2, 9, 3],
    ["regression", 7, 37, 5, 3, 2],
  ] as const)(
    "train as float64 does, alone and weighted: %s, %i hidden, %i clips, %i layers of %i features, %i outputs",
    async (kind, hidden, n, parts, d, outputs) => {
      const made = layered(problem(kind, n, parts * d, outputs, 90 + hidden + n), parts);
      const data = new HeadData(gpu(), made.task, made.table, made.split, true);
      const settings = { hidden, dropInput: false, dropout: 0.25 };
      const sums = [
        run({ ...settings, layer: "sum" }),
        run({ ...settings, layer: "sum", lr: 1e-3, l2: 0.1 }),
      ];
      const alone = Array.from({ length: parts }, (_, layer) => run({ ...settings, layer }));
      for (const runs of [sums, alone]) {
        const batches = () => new HeadBatches(data.examples, 16, seed, "epoch");
        const cohort = new Cohort(data, runs, [...runs.keys()], batches(), {
          chunk: 3,
          seed,
          rateOf: () => ({ rate: 1, active: true }),
        });
        const steps = 7;
        cohort.advance(steps);
        for (const [index, each] of runs.entries()) {
          const whole = referenceOf(made, each, data);
          const { layer } = each;
          const seen: ReferenceProblem =
            typeof layer === "number"
              ? { ...whole, x: whole.x.map((row) => row.slice(layer * d, (layer + 1) * d)) }
              : { ...whole, layers: parts };
          const shares: number[] = [];
          const expected = trainReference(seen, each, batches(), seed, steps, shares);
          const head = await cohort.present(cohort.slots.runs.indexOf(index));
          expectWeights(head.layers, expected, each.lr);
          if (layer === "sum") {
            expect(head.shares).toHaveLength(parts);
            head.shares?.forEach((share, l) => {
              expect(Math.abs(share - shares[l]) / each.lr).toBeLessThan(0.02);
            });
          } else expect(head.shares).toBeUndefined();
        }
        cohort.dispose();
      }
      data.dispose();
    },
  );

  it("give each of MARBLE's runs what it gets alone, bit for bit", async () => {
    const made = layered(problem("classification", 60, 3 * 6, 3, 8), 3);
    const data = new HeadData(gpu(), made.task, made.table, made.split, true);
    const runs = gridOf("marble", 3).runs.map((each) => ({ ...each, hidden: 12, batch: 8, lr: 4 * each.lr }));
    expect(runs).toHaveLength(4 * 6);
    const plateau = { factor: 0.5, patience: 1 };
    const schedule = {
      evaluateEvery: "epoch",
      evaluateFirst: false,
      patience: 4,
      most: 25,
      plateau,
    } as const;
    const together = await trainHeads(data, runs, schedule, { seed, keep: "all" });
    expect(new Set(together.map(({ steps }) => steps)).size).toBeGreaterThan(2);
    for (const index of [0, 6, 13, 18, 20, 23]) {
      const [alone] = await trainHeads(data, [runs[index]], schedule, { seed, keep: "all" });
      const { score, bestEvaluation, steps, head } = together[index];
      expect(alone).toMatchObject({ score, bestEvaluation, steps });
      expect(alone.head).toEqual(head);
    }
    data.dispose();
  });

  it("find the layer that knows, and say so", async () => {
    const made = problem("classification", 90, 3 * 5, 3, 31);
    const random = new Random(seed, 77);
    // Of the three layers only the second is left as it was.
    for (let i = 0; i < made.table.values.length; i++) {
      if (Math.floor((i % 15) / 5) !== 1) made.table.values[i] = random.normal();
    }
    const map = [0, 1, 2].map(() => [0, 1, 2, 3, 4].map(() => random.normal()));
    const labels = made.task.labels.map((_, i) => {
      const z = map.map((row) => row.reduce((sum, w, j) => sum + w * made.table.values[i * 15 + 5 + j], 0));
      return [z.indexOf(Math.max(...z))];
    });
    const options = { seed, most: 40 };
    const task = { ...made.task, labels };
    const table = { ...made.table, layers: 3 };
    const outcome = await probeGrid(gpu(), task, table, made.split, "marble", options);
    expect(outcome.chosen).toMatch(/^(layer 2 of 3|layers weighted \d+\/\d+\/\d+ %), .*512 hidden/);
    const scoresOf = (layer: number) =>
      Math.max(...outcome.results.filter((each) => each.run.layer === layer).map(({ score }) => score));
    expect(scoresOf(1)).toBeGreaterThan(scoresOf(0));
    expect(scoresOf(1)).toBeGreaterThan(scoresOf(2));
    expect(outcome.scores[0]).toBeGreaterThan(0.5);
  });
});

describe("trainHeads", () => {
  const small = (runs: readonly HeadRun[]) =>
    runs.map((each) => ({
      ...each,
      hidden: each.hidden > 0 ? 12 : 0,
      batch: each.batch / 8,
      lr: 10 * each.lr,
    }));

  it.each([
    ["classification", 3],
    ["multilabel", 5],
    ["regression", 2],
  ] as const)("gives each run what it gets alone, bit for bit: %s", async (kind, outputs) => {
    const made = problem(kind, 60, 9, outputs, 7);
    const data = new HeadData(gpu(), made.task, made.table, made.split);
    const all = small(gridOf("jukemir").runs);
    const runs = all.filter((_, i) => i % 5 === seed % 5);
    const schedule = { evaluateEvery: 4, evaluateFirst: true, patience: 6, most: 30 };
    const together = await trainHeads(data, runs, schedule, { seed, keep: "all" });
    expect(together).toHaveLength(runs.length);
    expect(new Set(together.map(({ steps }) => steps)).size).toBeGreaterThan(2); // some left earlier than others
    for (const index of [0, 1, 2].map((k) => (k * 17 + seed) % runs.length)) {
      const [alone] = await trainHeads(data, [runs[index]], schedule, { seed, keep: "all" });
      const { score, bestEvaluation, steps, head } = together[index];
      expect(alone).toMatchObject({ score, bestEvaluation, steps });
      expect(alone.head).toEqual(head);
    }
    expect(bestRun(together).score).toBe(Math.max(...together.map(({ score }) => score)));
    data.dispose();
  });
});
