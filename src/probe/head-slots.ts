// Which place each run of a cohort has: runs that share their input stand together, so that one product serves them all. Pure.
import type { HeadRun } from "./grid.js";

/** Places in the order [source, dropout rate, each]: all variants of the input have as many, some of them empty. */
export interface HeadSlots {
  /** The inputs: false as they are, true standardised. */
  sources: boolean[];
  /** Dropout rates. */
  rates: number[];
  /** Places of one variant. */
  each: number;
  /** For every place the number of its run, or -1. */
  runs: Int32Array;
}

/** Arranges the runs whose numbers are given. */
export function arrangeSlots(all: readonly HeadRun[], numbers: readonly number[]): HeadSlots {
  const sources = [...new Set(numbers.map((i) => all[i].standardise))].sort();
  const rates = [...new Set(numbers.map((i) => all[i].dropout))].sort((a, b) => a - b);
  const lists = sources.flatMap((source) =>
    rates.map((rate) => numbers.filter((i) => all[i].standardise === source && all[i].dropout === rate)),
  );
  const each = Math.max(...lists.map(({ length }) => length));
  const runs = new Int32Array(lists.length * each).fill(-1);
  for (const [variant, list] of lists.entries()) runs.set(list, variant * each);
  return { sources, rates, each, runs };
}
