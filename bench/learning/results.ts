// What the study leaves: one JSON file with every score of every arm, seed and step, written after each measurement, so that
// an interrupted study goes on where it stood. Drawn by draw.ts.
import { readFile } from "node:fs/promises";
import { exists, writeWhole } from "../../src/host/cache.js";
import type { ModelConfig, PretrainConfig } from "../../src/patchifier/config.js";
import type { Scores } from "./tasks.js";

/** One measurement. */
export interface StudyRow {
  arm: string;
  seed: number;
  /** Updates done; at 0 the weights are random. */
  step: number;
  /** The objective's loss on held-out crops. */
  heldOut?: number;
  /** Scores by task, a split each. */
  scores: Record<string, Scores>;
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
  format: 1;
  date: string;
  melgrad: string;
  adapter: string;
  /** What was asked for: the same, or a study cannot be gone on with. */
  plan: { steps: number[]; seeds: number; splits: number; clips: number; tasks: string[] };
  /** Minutes that were allowed and that were used, over all visits. */
  budget: { allowed?: number; used: number };
  tasks: Record<
    string,
    {
      metric: string;
      chance?: number;
      clips: number;
      /** Clips tested on for each that is trained on. */
      testShare: number;
      baselines: Record<string, Scores>;
    }
  >;
  /** `failed` says why an arm has no measurement, or not all. */
  arms: Record<string, { asks: string; settings: ArmSettings; failed?: string }>;
  rows: StudyRow[];
}

export async function readResults(path: string): Promise<StudyResults | undefined> {
  if (!(await exists(path))) return undefined;
  return JSON.parse(await readFile(path, "utf8")) as StudyResults;
}

export async function writeResults(path: string, results: StudyResults): Promise<void> {
  const { rows, ...head } = results;
  const lines = rows.map((row) => `  ${JSON.stringify(row)}`).join(",\n");
  const text = `${JSON.stringify(head, undefined, 1).slice(0, -2)},\n "rows": [\n${lines}\n ]\n}\n`;
  await writeWhole(path, text);
}

/** Scores of an arm at a step by split, averaged over the seeds; undefined where there is none. */
export function scoresAt(results: StudyResults, arm: string, step: number, task: string): Scores | undefined {
  const rows = results.rows.filter((row) => row.arm === arm && row.step === step && row.scores[task]);
  if (rows.length === 0) return undefined;
  return rows[0].scores[task].map((_, split) => meanOf(rows.map((row) => row.scores[task][split])));
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
