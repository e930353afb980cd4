// What the study leaves: one JSON file with every score of every arm, seed and step, and how each arm stands to the others' answers, written
// after each measurement, so that an interrupted study goes on where it stood. Drawn by draw.ts.
import { readFile } from "node:fs/promises";
import { DataError } from "../../src/gpu/errors.js";
import { exists, writeWhole } from "../../src/host/cache.js";
import type { ModelConfig, PretrainConfig } from "../../src/patchifier/config.js";
import type { EvaluatedRow, Evaluation } from "../../src/probe/evaluation.js";

/** One measurement. */
export interface StudyRow {
  arm: string;
  seed: number;
  /** Updates done; at 0 the weights are random. */
  step: number;
  /** The objective's loss on held-out crops. */
  heldOut?: number;
  /** Scores by task. */
  scores: Record<string, number>;
  /** Seconds of pre-training until then. */
  seconds: number;
}

/** What an arm trains, with what, on what. */
export interface ArmSettings {
  music: string;
  model: ModelConfig;
  pretrain: PretrainConfig;
}

export interface StudyResults {
  format: 2;
  date: string;
  melgrad: string;
  adapter: string;
  /** What was asked for: the same, or a study cannot be gone on with. */
  plan: {
    steps: number[];
    seeds: number;
    randomSeeds: number;
    size: string;
    taskSeed: number;
    tasks: string[];
    pool: string;
  };
  /** Minutes that were allowed and that were used, over all visits. */
  budget: { allowed?: number; used: number };
  tasks: Record<
    string,
    {
      metric: string;
      chance?: number;
      clips: number;
      /** Sets of clips that share something: what is resampled. */
      families: number;
      baselines: EvaluatedRow[];
      /** The encoder trained with labels beside all others, on the clips of the folds that it was trained for. */
      ceiling?: Evaluation;
    }
  >;
  /** `failed` says why an arm has no measurement, or not all. */
  arms: Record<
    string,
    {
      asks: string;
      settings: ArmSettings;
      /** Of a model that was trained already: weightsDigest of its weights, which the scores are of. */
      weights?: string;
      failed?: string;
      /** By task, at the last step, all seeds: the arm first, then random weights, then the baselines. */
      standings?: Record<string, Evaluation>;
    }
  >;
  rows: StudyRow[];
}

export async function readResults(path: string): Promise<StudyResults | undefined> {
  if (!(await exists(path))) return undefined;
  const results = JSON.parse(await readFile(path, "utf8")) as StudyResults;
  if (results.format !== 2)
    throw new DataError(`${path} is of an earlier study: move it away, or write another --out.`);
  return results;
}

export async function writeResults(path: string, results: StudyResults): Promise<void> {
  const { rows, ...head } = results;
  const lines = rows.map((row) => `  ${JSON.stringify(row)}`).join(",\n");
  const text = `${JSON.stringify(head, undefined, 1).slice(0, -2)},\n "rows": [\n${lines}\n ]\n}\n`;
  await writeWhole(path, text);
}

/** Scores of an arm at a step by seed; undefined where there is none. */
export function scoresAt(
  results: StudyResults,
  arm: string,
  step: number,
  task: string,
): number[] | undefined {
  const rows = results.rows.filter(
    (row) => row.arm === arm && row.step === step && row.scores[task] !== undefined,
  );
  return rows.length === 0 ? undefined : rows.map((row) => row.scores[task]);
}

export function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Arms that were measured after training, in the order of the file. */
export function armsOf(results: StudyResults): string[] {
  return [...new Set(results.rows.filter(({ step }) => step > 0).map(({ arm }) => arm))];
}

/** The last step at which an arm was measured. */
export function lastStep(results: StudyResults, arm: string): number {
  return Math.max(...results.rows.filter((row) => row.arm === arm).map(({ step }) => step));
}
