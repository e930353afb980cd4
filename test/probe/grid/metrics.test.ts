// What decides which head is taken: the device's tallies against the metrics on the CPU, the rules that end a run, the batches, the
// grids, and resampling against rows that are really repeated.
import { describe, expect, it } from "vitest";
import { dropoutThreshold, hash32 } from "../../../src/ops/dropout.js";
import { bootstrapDifference, bootstrapInterval, resample } from "../../../src/probe/bootstrap.js";
import { dropKeys, HeadBatches } from "../../../src/probe/grid/batches.js";
import { HeadData } from "../../../src/probe/grid/data.js";
import { EarlyStop } from "../../../src/probe/grid/early-stop.js";
import { gridOf, scheduleOf } from "../../../src/probe/grid/grids.js";
import { bestSongRule, bySong, probeGrid } from "../../../src/probe/grid/protocol.js";
import { arrangeSlots } from "../../../src/probe/grid/slots.js";
import { cohortsOf } from "../../../src/probe/grid/trainer.js";
import { meanKeyScore } from "../../../src/probe/key-score.js";
import type { Predictions, ProbeLabels } from "../../../src/probe/labels.js";
import { rightAnswers } from "../../../src/probe/scores/accuracy.js";
import { metricsOf } from "../../../src/probe/scores/index.js";
import { clipsBySong, songClasses, songRules } from "../../../src/probe/songs.js";
import { Random } from "../../../src/tensor/random.js";
import { freshSeed, useGpu } from "../../support/gpu.js";

const gpu = useGpu();
const seed = freshSeed("head metrics");
const random = new Random(seed);
const tonics = ["C", "Db", "D", "Eb", "E", "F", "Gb", "G", "Ab", "A", "Bb", "B"];
const keys = ["major", "minor"].flatMap((mode) => tonics.map((tonic) => `${tonic} ${mode}`));
const names = (count: number) => Array.from({ length: count }, (_, k) => `class ${k}`);
/** Few distinct values, so that there are ties. */
const coarse = () => Math.round(4 * random.normal()) / 4;

interface Case {
  name: string;
  kind: ProbeLabels["kind"];
  classes: string[];
  valid: number;
  songs?: boolean;
}

const cases: Case[] = [
  { name: "accuracy", kind: "classification", classes: names(5), valid: 130 },
  { name: "accuracy of one clip", kind: "classification", classes: names(3), valid: 1 },
  { name: "keys by clip", kind: "classification", classes: keys, valid: 67 },
  { name: "keys by song", kind: "classification", classes: keys, valid: 67, songs: true },
  { name: "tags", kind: "multilabel", classes: names(6), valid: 333 },
  { name: "numbers", kind: "regression", classes: names(3), valid: 66 },
  { name: "one number", kind: "regression", classes: names(1), valid: 2 },
];

function make({ kind, classes, valid, songs }: Case) {
  const n = valid + 8;
  const labels = Array.from({ length: n }, () => {
    if (kind === "classification") return [random.integer(classes.length)];
    // The last tag is never on: it is left out of the mean.
    return classes.map((_, k) =>
      kind === "regression" ? random.normal() : Number(k < 5 && random.uniform() < 0.2),
    );
  });
  const pieces = songs ? labels.map((_, clip) => `song ${Math.floor(clip / 3)}`) : undefined;
  if (pieces) for (const [clip, label] of labels.entries()) label[0] = labels[3 * Math.floor(clip / 3)][0];
  if (kind === "multilabel") labels[8][0] = 1;
  const split = {
    train: [0, 1, 2, 3],
    valid: Array.from({ length: valid }, (_, i) => i + 8),
    test: [4, 5, 6, 7],
    dropped: 0,
  };
  const table = { n, d: 2, values: Float32Array.from({ length: 2 * n }, () => random.normal()) };
  return { task: { kind, classes, labels, pieces } satisfies ProbeLabels, table, split };
}

describe("a tally", () => {
  it.each(cases)("is the metric: $name", async (each) => {
    const { task, table, split } = make(each);
    const data = new HeadData(gpu(), task, table, split);
    const { outputs, validRows } = data;
    const rows = 4 * Math.ceil(outputs / 4);
    const runs = 5;
    const z = Float32Array.from({ length: runs * rows * validRows }, coarse);
    z[2 * rows * validRows + 0] = Number.NaN; // the third run has diverged
    const words = gpu().scope(() => data.tally(gpu().tensor(z, [runs, rows, validRows]), runs, rows));
    const scores = data.scores(await words.indices());
    expect(scores).toHaveLength(runs);
    scores.forEach((score, run) => {
      if (run === 2) {
        expect(score).toBeNaN();
        return;
      }
      const own = new Float64Array(split.valid.length * outputs);
      for (let i = 0; i < split.valid.length; i++) {
        for (let k = 0; k < outputs; k++) {
          const raw = z[(run * rows + k) * validRows + i];
          own[i * outputs + k] = data.centre.mean[k] + data.centre.scale[k] * raw;
        }
      }
      const labels = split.valid.map((clip) => task.labels[clip]);
      let expected = metricsOf(task)[0].score(labels, own, outputs);
      if (task.pieces) {
        const songs = clipsBySong(split.valid.map((clip) => task.pieces?.[clip] ?? ""));
        const found = songClasses(own, outputs, songs);
        const known = songs.map(([clip]) => labels[clip][0]);
        expected = Math.max(...songRules.map((rule) => meanKeyScore(known, found[rule])));
      }
      if (each.kind === "regression")
        expect(Math.abs(score - expected)).toBeLessThan(1e-4 * (1 + Math.abs(expected)));
      else expect(score).toBeCloseTo(expected, 12);
    });
    words.dispose();
    data.dispose();
  });

  it("says so where no tag can be scored", () => {
    const { task, table, split } = make(cases[4]);
    for (const label of task.labels) label.fill(0);
    expect(() => new HeadData(gpu(), task, table, split)).toThrow(/None of the 6 tags/);
  });
});

describe("songs", () => {
  it("are answered by vote, maximum, mean score and mean probability", () => {
    // Three clips of one song: two are fairly sure of class 1, one is very sure of class 2.
    const scores = [0, 3, -3, 0, 3, -3, 0, -9, 9];
    const found = songClasses(scores, 3, [[0, 1, 2]]);
    expect(Object.fromEntries(Object.entries(found).map(([rule, [answer]]) => [rule, answer]))).toEqual({
      vote: 1,
      max: 2,
      gmean: 2,
      mean: 1,
    });
    expect(songClasses([0, 1, 1, 0], 2, [[0, 1]]).vote[0]).toBe(0); // the first of equals
    expect(clipsBySong(["b", "a", "b"])).toEqual([[1], [0, 2]]);
  });

  it("take the rule that answers the validation songs best", () => {
    const row = (key: number, by: number) =>
      Float64Array.from({ length: 24 }, (_, k) => (k === key ? by : 0));
    const predicted: Predictions = {
      labels: [[4], [4], [4]],
      scores: Float64Array.from([...row(9, 1), ...row(9, 1), ...row(4, 5)]),
      outputs: 24,
      pieces: ["a", "a", "a"],
    };
    expect(bestSongRule(predicted)).toBe("max");
    expect([...bySong(predicted, "max").scores].indexOf(1)).toBe(4);
    expect([...bySong(predicted, "vote").scores].indexOf(1)).toBe(9);
  });
});

describe("early stopping", () => {
  it("ends after so many evaluations without a better score, equal ones not being better", () => {
    const stop = new EarlyStop({ evaluateEvery: 8, evaluateFirst: true, patience: 3 });
    const kept = [0.1, 0.3, 0.3, 0.2, 0.4, 0.4, 0.1, 0.4].map((score) => stop.take(score));
    expect(kept).toEqual([true, true, false, false, true, false, false, false]);
    expect(stop).toMatchObject({ best: 0.4, bestAt: 4, evaluations: 8, finished: true, diverged: false });
  });

  it("ends at the last evaluation, and where a score is not a number", () => {
    const schedule = { evaluateEvery: 8, evaluateFirst: true, patience: 9, most: 2 };
    const [short, broken] = [new EarlyStop(schedule), new EarlyStop(schedule)];
    short.take(1);
    expect(short.finished).toBe(false);
    short.take(2);
    expect(short).toMatchObject({ finished: true, best: 2 });
    expect(broken.take(Number.NaN)).toBe(false);
    expect(broken).toMatchObject({ finished: true, diverged: true });
  });

  it("halves the learning rate after more than `patience` flat evaluations", () => {
    const plateau = { factor: 0.5, patience: 2 };
    const stop = new EarlyStop({ evaluateEvery: "epoch", evaluateFirst: false, patience: 99, plateau });
    const rates = [0.5, 0.50001, 0.5, 0.5, 0.6, 0.6, 0.6, 0.6, 0.6, 0.6, 0.6].map((score) => {
      stop.take(score);
      return stop.rate;
    });
    expect(rates).toEqual([1, 1, 1, 0.5, 0.5, 0.5, 0.5, 0.25, 0.25, 0.25, 0.125]);
  });
});

describe("batches", () => {
  it("are drawn without replacement, each example as often as any other, the same for the same step", () => {
    const [n, size, steps] = [23, 8, 600];
    const batches = new HeadBatches(n, size, seed, "sample");
    const counts = new Float64Array(n);
    const out = new Uint32Array(size);
    for (let step = 0; step < steps; step++) {
      expect(batches.draw(step, out)).toBe(size);
      expect(new Set(out).size).toBe(size);
      for (const i of out) counts[i]++;
    }
    const expected = (steps * size) / n;
    for (const count of counts) expect(Math.abs(count - expected) / Math.sqrt(expected)).toBeLessThan(5);
    const again = new Uint32Array(size);
    new HeadBatches(n, size, seed, "sample").draw(steps - 1, again);
    expect(again).toEqual(out);
    expect(dropKeys(seed, 3)).not.toEqual(dropKeys(seed, 4));
  });

  it("deal out whole epochs, and take what there is of a small set", () => {
    const batches = new HeadBatches(10, 4, seed, "epoch");
    expect(batches.stepsPerEpoch).toBe(3);
    for (const epoch of [0, 1]) {
      const seen: number[] = [];
      for (let step = 0; step < 3; step++) {
        const out = new Uint32Array(4);
        const count = batches.draw(3 * epoch + step, out);
        seen.push(...out.subarray(0, count));
      }
      expect(seen.sort((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    }
    expect(new HeadBatches(5, 64, seed, "sample").size).toBe(5);
  });
});

describe("what is dropped", () => {
  it("is a share p of the elements, apart for every step and layer, and more of the same where p is higher", () => {
    const size = 20000;
    const draws = (key: number) => Array.from({ length: size }, (_, i) => hash32((hash32(i) ^ key) >>> 0));
    const [a, b] = [0, 1].flatMap((step) => dropKeys(seed, step).map(draws));
    for (const p of [0.25, 0.5, 0.75]) {
      const share = a.filter((draw) => draw < dropoutThreshold(p)).length / size;
      expect(Math.abs(share - p) / Math.sqrt((p * (1 - p)) / size)).toBeLessThan(5);
    }
    const both = a.filter((draw, i) => draw < 2 ** 31 && b[i] < 2 ** 31).length / size;
    expect(Math.abs(both - 0.25) / Math.sqrt(0.1875 / size)).toBeLessThan(5);
    const low = a.flatMap((draw, i) => (draw < dropoutThreshold(0.25) ? [i] : []));
    expect(low.every((i) => a[i] < dropoutThreshold(0.5))).toBe(true);
  });
});

describe("grids", () => {
  it("are the published ones", () => {
    const { runs } = gridOf("jukemir");
    expect(runs).toHaveLength(216);
    expect(new Set(runs.map((run) => JSON.stringify(run))).size).toBe(216);
    const whole = new Set(runs.map((run) => JSON.stringify(run)));
    expect(gridOf("fast").runs.filter((run) => whole.has(JSON.stringify(run)))).toHaveLength(24);
    expect(gridOf("marble").runs.map(({ lr }) => lr)).toEqual([5e-5, 1e-4, 5e-4, 1e-3, 5e-3, 1e-2]);
    expect(scheduleOf("jukemir", { kind: "multilabel", keys: false })).toEqual({
      evaluateEvery: 8,
      evaluateFirst: true,
      patience: 256,
    });
    expect(scheduleOf("marble", { kind: "multilabel", keys: false }).patience).toBe(10);
  });

  it("put runs of one input side by side", () => {
    const { runs } = gridOf("jukemir");
    const numbers = [...runs.keys()].filter((i) => runs[i].hidden === 0 && runs[i].batch === 64);
    const slots = arrangeSlots(runs, numbers);
    expect(slots).toMatchObject({
      sources: [{ standardise: false }, { standardise: true }],
      rates: [0.25, 0.5, 0.75],
      each: 9,
    });
    expect([...slots.runs].sort((a, b) => a - b)).toEqual(numbers);
    slots.runs.forEach((run, place) => {
      const variant = Math.floor(place / 9);
      expect(runs[run].standardise).toBe(variant >= 3);
      expect(runs[run].dropout).toBe(slots.rates[variant % 3]);
    });
    for (const most of [1, 4, 9, 20, 27, 53, 54]) {
      const parts = cohortsOf(runs, numbers, most);
      expect(parts.flat().sort((a, b) => a - b)).toEqual(numbers);
      expect(Math.max(...parts.map(({ length }) => length))).toBeLessThanOrEqual(most);
      for (const part of parts) expect(arrangeSlots(runs, part).runs).not.toContain(-1);
    }
    const odd = arrangeSlots(runs, [numbers[0], numbers[1], numbers[numbers.length - 1]]);
    expect(odd.each).toBe(2);
    expect([...odd.runs].filter((run) => run >= 0)).toHaveLength(3);
  });
});

describe("resampling", () => {
  const n = 60;
  const labelled: [string, Predictions["labels"], number][] = [
    ["multilabel", Array.from({ length: n }, () => [0, 1, 2].map(() => Number(random.uniform() < 0.4))), 3],
    ["classification", Array.from({ length: n }, () => [random.integer(24)]), 24],
    ["regression", Array.from({ length: n }, () => [random.normal(), random.normal()]), 2],
  ];

  it.each(labelled)("weights rows as if they were repeated: %s", (kind, labels, outputs) => {
    const classes = kind === "classification" ? keys : names(outputs);
    const scores = Float64Array.from({ length: n * outputs }, coarse);
    const predicted: Predictions = { labels, scores, outputs };
    const [counts] = resample(
      labels.map((_, i) => `piece ${i % 25}`),
      1,
      seed,
    );
    const rows = labels.flatMap((_, i) => new Array<number>(counts[i]).fill(i));
    const repeated = Float64Array.from(
      rows.flatMap((i) => [...scores.subarray(i * outputs, (i + 1) * outputs)]),
    );
    const task = { kind: kind as ProbeLabels["kind"], classes, labels };
    for (const { name, weighted: prepare, score } of metricsOf(task)) {
      const weighted = prepare(predicted);
      expect(weighted(new Uint32Array(n).fill(1)), name).toBeCloseTo(score(labels, scores, outputs), 10);
      const expected = score(
        rows.map((i) => labels[i]),
        repeated,
        outputs,
      );
      expect(weighted(counts), name).toBeCloseTo(expected, 10);
    }
  });

  it("covers the mean of a coin and says when two are alike", () => {
    const labels = Array.from({ length: 400 }, (_, i) => [i % 2]);
    const always = {
      labels,
      scores: Float64Array.from({ length: 800 }, (_, i) => Number(i % 2 === 0)),
      outputs: 2,
    };
    const [low, high] = bootstrapInterval(always, rightAnswers(0.5)) ?? [0, 0];
    expect(low).toBeGreaterThan(0.42);
    expect(high).toBeLessThan(0.58);
    expect(high - low).toBeGreaterThan(0.07);
    expect(bootstrapDifference(always, always, rightAnswers(0.5))).toEqual([0, 0]);
  });
});

describe("probeGrid", () => {
  it("finds what there is to find, with few evaluations", async () => {
    // So many are tested that 0.75 lies five standard errors below what such heads reach.
    const n = 360;
    const values = Float32Array.from({ length: n * 6 }, () => random.normal());
    const labels = Array.from({ length: n }, (_, i) => [Number(values[6 * i] + values[6 * i + 1] > 0)]);
    const order = [...random.permutation(n)];
    const split = {
      train: order.slice(0, 200),
      valid: order.slice(200, 260),
      test: order.slice(260),
      dropped: 0,
    };
    const task: ProbeLabels = { kind: "classification", classes: ["no", "yes"], labels };
    const told: number[] = [];
    const outcome = await probeGrid(gpu(), task, { n, d: 6, values }, split, "marble", {
      seed,
      most: 12,
      onProgress: (done) => told.push(done),
    });
    expect(outcome.scores[0]).toBeGreaterThan(0.75);
    expect(outcome.results).toHaveLength(6);
    expect(outcome.results.filter(({ head }) => head)).toEqual([outcome.best]);
    expect(outcome.predicted?.scores).toHaveLength(2 * 100);
    expect(outcome.chosen).toMatch(/512 hidden, batch 64/);
    expect(told.at(-1)).toBe(6);
  });
});
