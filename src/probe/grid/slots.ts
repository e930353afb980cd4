// Which place each run of a cohort has: runs that share their input stand together, so that one product serves them all. Pure.
import type { HeadRun } from "./grids.js";

/** What a run's input is drawn from: the features as they are or standardised; all of them, one layer's, or the layers' weighted sum. */
export type HeadSource = Pick<HeadRun, "standardise" | "layer">;

/** Places in the order [source, dropout rate, each]: all variants of the input have as many, some of them empty. */
export interface HeadSlots {
  sources: HeadSource[];
  /** Dropout rates. */
  rates: number[];
  /** Places of one variant. */
  each: number;
  /** For every place the number of its run, or -1. */
  runs: Int32Array;
}

/** A source in a word; equal for equal ones. */
export function sourceKey({ standardise, layer }: HeadSource): string {
  return `${standardise} ${layer ?? "all"}`;
}

/** The sources of some runs, each once, those as they are before standardised ones, by layer. */
export function sourcesOf(all: readonly HeadRun[], numbers: readonly number[]): HeadSource[] {
  const found = new Map<string, HeadSource>();
  for (const i of numbers) {
    const { standardise, layer } = all[i];
    const source = { standardise, ...(layer === undefined ? {} : { layer }) };
    found.set(sourceKey(source), source);
  }
  const place = ({ layer }: HeadSource) => (layer === "sum" ? Number.POSITIVE_INFINITY : (layer ?? -1));
  return [...found.values()].sort(
    (a, b) => Number(a.standardise) - Number(b.standardise) || place(a) - place(b),
  );
}

/** Arranges the runs whose numbers are given. */
export function arrangeSlots(all: readonly HeadRun[], numbers: readonly number[]): HeadSlots {
  const sources = sourcesOf(all, numbers);
  const rates = [...new Set(numbers.map((i) => all[i].dropout))].sort((a, b) => a - b);
  const lists = sources.flatMap((source) =>
    rates.map((rate) =>
      numbers.filter((i) => sourceKey(all[i]) === sourceKey(source) && all[i].dropout === rate),
    ),
  );
  const each = Math.max(...lists.map(({ length }) => length));
  const runs = new Int32Array(lists.length * each).fill(-1);
  for (const [variant, list] of lists.entries()) runs.set(list, variant * each);
  return { sources, rates, each, runs };
}
