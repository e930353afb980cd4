// Trains a whole grid of heads: runs of one shape side by side (cohort.ts), each until its own early stopping ends it; what is left
// then moves closer together. The best run on the validation part is chosen. Not here: which runs there are (grids.ts), scores on the
// test part (protocol.ts).
import { DataError } from "../../gpu/errors.js";
import { HeadBatches } from "./batches.js";
import { Cohort } from "./cohort.js";
import type { HeadData } from "./data.js";
import { EarlyStop } from "./early-stop.js";
import type { HeadRun, HeadSchedule } from "./grids.js";
import type { TrainedHead } from "./init.js";
import { bytesPerPlace } from "./memory.js";
import { arrangeSlots, sourceKey, sourcesOf } from "./slots.js";

/** How one run ended. */
export interface HeadResult {
  run: HeadRun;
  /** Its place in the grid. */
  index: number;
  /** The best validation score, and the evaluation and the step of it. */
  score: number;
  bestEvaluation: number;
  bestStep: number;
  /** Steps trained. */
  steps: number;
  /** A validation score was not a number, and the run ended there. */
  diverged: boolean;
  /** Its best weights, where they were asked for or it is the best of all. */
  head?: TrainedHead;
}

/** How a grid is trained. */
export interface HeadOptions {
  seed?: number;
  /** Keep the weights of the best run, or of all. Default best. */
  keep?: "best" | "all";
  /** Most runs that are trained together; fewer where memory says so. */
  together?: number;
  /** Bytes of a cohort. Default 1 GiB on a software adapter, 4 GiB on hardware. */
  memory?: number;
  /** Told after each evaluation: runs that have ended, of all. */
  onProgress?(done: number, total: number): void;
  signal?: AbortSignal;
}

/** Steps recorded at a time where an epoch decides when to evaluate. */
const usualChunk = 8;

/** Trains every run and returns what became of each, in the grid's order. Throws the signal's reason. */
export async function trainHeads(
  data: HeadData,
  runs: readonly HeadRun[],
  schedule: HeadSchedule,
  options: HeadOptions = {},
): Promise<HeadResult[]> {
  const results = new Array<HeadResult | undefined>(runs.length);
  const board = new Board(runs, results, options);
  for (const numbers of planCohorts(data, runs, options)) {
    await trainGroup(data, runs, numbers, schedule, options, board);
  }
  return results.flatMap((result) => result ?? []);
}

/** The best of them: the highest validation score, the first of several in the grid's order. Throws DataError where all diverged. */
export function bestRun(results: readonly HeadResult[]): HeadResult {
  const usable = results.filter(({ score }) => score > Number.NEGATIVE_INFINITY);
  if (usable.length === 0) {
    throw new DataError(
      "Every head diverged on the first evaluation: are the features or the targets very large?",
    );
  }
  return usable.reduce((best, each) => (each.score > best.score ? each : best));
}

/**
 * The runs that are trained together: of one hidden size and one batch size, and on a weighted sum of layers or not, as many at a time as
 * is good.
 */
export function planCohorts(data: HeadData, runs: readonly HeadRun[], options: HeadOptions = {}): number[][] {
  const groups = new Map<string, number[]>();
  runs.forEach(({ hidden, batch, dropInput, layer }, index) => {
    const key = `${hidden} ${batch} ${dropInput} ${layer === "sum"}`;
    groups.set(key, [...(groups.get(key) ?? []), index]);
  });
  return [...groups.values()]
    .flatMap((numbers) => bySources(data, runs, numbers))
    .flatMap((numbers) => {
      const most = Math.min(options.together ?? numbers.length, capacity(data, runs[numbers[0]], options));
      return cohortsOf(runs, numbers, most);
    });
}

/** Runs on so few layers at a time that one buffer holds the features of all. */
function bySources(data: HeadData, runs: readonly HeadRun[], numbers: readonly number[]): number[][] {
  const { maxBindingBytes, maxBufferBytes } = data.gpu.device.capabilities;
  const each = 4 * data.columns * Math.max(data.examples, data.validRows);
  const most = Math.max(1, Math.floor(Math.min(maxBindingBytes, maxBufferBytes) / each));
  const sources = sourcesOf(runs, numbers);
  if (runs[numbers[0]].layer === "sum" && (data.layers ?? 0) > most) {
    throw new DataError(
      `The features of ${data.examples} clips in ${data.layers} layers do not fit into one buffer of this adapter: probe one pool with --pool mean.`,
    );
  }
  if (sources.length <= most) return [[...numbers]];
  return Array.from({ length: Math.ceil(sources.length / most) }, (_, k) => {
    const own = new Set(sources.slice(k * most, (k + 1) * most).map(sourceKey));
    return numbers.filter((index) => own.has(sourceKey(runs[index])));
  });
}

/** Divides runs into cohorts of at most `most`, runs of one input together, so that cohorts have no empty places. Pure. */
export function cohortsOf(runs: readonly HeadRun[], numbers: readonly number[], most: number): number[][] {
  if (numbers.length <= most) return [[...numbers]];
  const by = (key: (run: HeadRun) => string, list: readonly number[]) => {
    const lists = new Map<string, number[]>();
    for (const index of list) lists.set(key(runs[index]), [...(lists.get(key(runs[index])) ?? []), index]);
    return [...lists.values()];
  };
  return by(sourceKey, numbers).flatMap((source) => {
    if (source.length <= most) return [source];
    return by(({ dropout }) => String(dropout), source).flatMap((variant) => {
      const size = Math.ceil(variant.length / Math.ceil(variant.length / most));
      return Array.from({ length: Math.ceil(variant.length / size) }, (_, k) =>
        variant.slice(k * size, (k + 1) * size),
      );
    });
  });
}

/**
 * What is good: as many as memory holds, and on a software adapter as many as the processor's cache holds (measured: 9 heads of 512
 * units on 96 features are a third faster a head than 54).
 */
function capacity(data: HeadData, { hidden, batch, layer }: HeadRun, { memory }: HeadOptions): number {
  const { capabilities } = data.gpu.device;
  const rows = 4 * Math.ceil(Math.min(batch, data.examples) / 4);
  const { held, largest, working } = bytesPerPlace(data, hidden, rows, layer === "sum");
  const budget = memory ?? (capabilities.software ? 1 : 4) * 2 ** 30;
  const limit = Math.min(capabilities.maxBindingBytes, capabilities.maxBufferBytes);
  const cached = capabilities.software ? 2 ** 24 / working : Number.POSITIVE_INFINITY;
  return Math.max(1, Math.floor(Math.min(budget / held, limit / largest, cached)));
}

/** Keeps what became of the runs, and the weights of the best one. */
class Board {
  private leader: HeadResult | undefined;
  private done = 0;

  constructor(
    private readonly runs: readonly HeadRun[],
    private readonly results: (HeadResult | undefined)[],
    private readonly options: HeadOptions,
  ) {}

  async enter(index: number, result: HeadResult, weights: () => Promise<TrainedHead>): Promise<void> {
    this.results[index] = result;
    this.done++;
    const { leader } = this;
    const leads =
      result.score > Number.NEGATIVE_INFINITY &&
      (!leader || result.score > leader.score || (result.score === leader.score && index < leader.index));
    if (leads || this.options.keep === "all") result.head = await weights();
    if (!leads) return;
    if (leader && this.options.keep !== "all") leader.head = undefined;
    this.leader = result;
  }

  tell(): void {
    this.options.onProgress?.(this.done, this.runs.length);
  }
}

async function trainGroup(
  data: HeadData,
  runs: readonly HeadRun[],
  numbers: readonly number[],
  schedule: HeadSchedule,
  { seed = 0, signal }: HeadOptions,
  board: Board,
): Promise<void> {
  const { batch } = runs[numbers[0]];
  const epochs = schedule.evaluateEvery === "epoch";
  const batches = new HeadBatches(data.examples, batch, seed, epochs ? "epoch" : "sample");
  const every = schedule.evaluateEvery === "epoch" ? batches.stepsPerEpoch : schedule.evaluateEvery;
  const stops = new Map(numbers.map((index) => [index, new EarlyStop(schedule)]));
  const stopOf = (index: number) => stops.get(index) as EarlyStop;
  const options = {
    chunk: Math.min(every, usualChunk),
    seed,
    rateOf: (index: number) => ({ rate: stopOf(index).rate, active: !stopOf(index).finished }),
  };
  let left = [...numbers];
  let cohort = new Cohort(data, runs, left, batches, options);
  try {
    const checked = await cohort.check();
    if (checked && checked.wrong.length > 0) {
      cohort.dispose();
      cohort = new Cohort(data, runs, left, batches, options);
    }
    if (!schedule.evaluateFirst) cohort.advance(every);
    for (;;) {
      signal?.throwIfAborted();
      const at = cohort.step;
      const scoring = cohort.evaluate();
      scoring.catch(() => {}); // reported when it is awaited
      // The next steps are under way while these scores are read, unless they decide on the learning rate.
      if (!schedule.plateau) cohort.advance(every);
      const scores = await scoring;
      const ended: number[] = [];
      const better: number[] = [];
      cohort.slots.runs.forEach((index, place) => {
        if (index < 0 || stopOf(index).finished) return;
        if (stopOf(index).take(scores[place])) better.push(place);
        if (stopOf(index).finished) ended.push(place);
      });
      cohort.keep(better);
      for (const place of ended) {
        const index = cohort.slots.runs[place];
        const { best, bestAt, diverged } = stopOf(index);
        const bestStep = Math.max(0, (bestAt + (schedule.evaluateFirst ? 0 : 1)) * every);
        const result = {
          run: runs[index],
          index,
          score: best,
          bestEvaluation: bestAt,
          bestStep,
          steps: at,
          diverged,
        };
        await board.enter(index, result, () => cohort.best(place));
      }
      if (ended.length > 0) left = left.filter((index) => !stopOf(index).finished);
      board.tell();
      if (left.length === 0) return;
      // Moving costs a recording, which a quarter fewer places repay.
      if (ended.length > 0 && arrangeSlots(runs, left).runs.length <= 0.75 * cohort.places) {
        cohort = new Cohort(data, runs, left, batches, options, cohort);
      }
      if (schedule.plateau) cohort.advance(every);
    }
  } finally {
    cohort.dispose();
  }
}
