// Checks the numbers of a config.json before anything is made by them: a run's folder may come from elsewhere, and a width of 10^9 is no model
// but memory without bound. Not here: what the settings mean (patchifier/config.ts).
import { DataError } from "../gpu/errors.js";
import type { ModelConfig, PretrainConfig } from "../patchifier/config.js";
import { objectiveNames } from "../patchifier/objectives.js";

/** [least, most, whether it must be whole]. */
type Range = readonly [number, number, boolean];
const whole = (least: number, most: number): Range => [least, most, true];
const real = (least: number, most: number): Range => [least, most, false];

const frontEnd: Record<string, Range> = {
  sampleRate: whole(1000, 1_000_000),
  nFft: whole(2, 2 ** 20),
  hopLength: whole(1, 2 ** 20),
  nMels: whole(1, 4096),
  gain: real(0, 1e12),
};

const model: Record<string, Range> = {
  patchMels: whole(1, 4096),
  patchFrames: whole(1, 2 ** 20),
  cropFrames: whole(1, 2 ** 20),
  width: whole(1, 2 ** 16),
  layers: whole(0, 1024),
  heads: whole(1, 4096),
  mlpRatio: real(0.01, 64),
};

/** The largest learning rate that a run may have. */
export const highestRate = 1e6;

/** Those that may be left out, as they are in the configs of a page's export, are checked where they stand. */
const pretrain: Record<string, Range> = {
  maskRatio: real(0, 1),
  reconstructWeight: real(0, 1e9),
  detailWeight: real(0, 1e9),
  batch: whole(1, 2 ** 20),
  steps: whole(1, 2 ** 40),
  lr: real(0, highestRate),
  warmup: whole(0, 2 ** 40),
  eps: real(0, 1),
  weightDecay: real(0, 1e6),
  clipNorm: real(0, 1e12),
};

/** Settings of an objective's own are sizes and factors. */
const ofObjective: Range = [0, 2 ** 40, false];
const objectiveSizes = new Set([
  "width",
  "layers",
  "heads",
  "blocks",
  "codes",
  "codeWidth",
  "groups",
  "projected",
  "pairs",
  "crops",
]);

/** Parameters of the largest encoder that is made: 64 GB of them. */
const mostParameters = 2 ** 34;

/** The part of a config.json that sizes anything. */
export interface CheckedConfig {
  model: ModelConfig;
  pretrain: PretrainConfig;
  normalisation: { mean: number; std: number };
  accumulate?: number;
}

/** Throws DataError that names the first setting which cannot be one. */
export function checkConfig(config: CheckedConfig, path: string): void {
  const wrong = (name: string, value: unknown, why: string) =>
    new DataError(`${path} is damaged: ${name} is ${shown(value)}, ${why}.`);
  const check = (name: string, value: unknown, [least, most, isWhole]: Range) => {
    const isNumber =
      typeof value === "number" && (isWhole ? Number.isSafeInteger(value) : Number.isFinite(value));
    if (isNumber && value >= least && value <= most) return;
    throw wrong(name, value, `not a ${isWhole ? "whole " : ""}number from ${least} to ${most}`);
  };
  const checkAll = (name: string, from: unknown, ranges: Record<string, Range>, isNeeded: boolean) => {
    if (typeof from !== "object" || from === null) throw wrong(name, from, "not an object");
    for (const [key, range] of Object.entries(ranges)) {
      const value = (from as Record<string, unknown>)[key];
      if (value !== undefined || isNeeded) check(`${name}.${key}`, value, range);
    }
  };
  checkAll("model", config.model, model, true);
  checkAll("model.frontEnd", config.model.frontEnd, frontEnd, true);
  checkAll("pretrain", config.pretrain, pretrain, false);
  const { accumulate } = config;
  if (accumulate !== undefined) check("accumulate", accumulate, whole(1, 2 ** 20));
  checkAll("normalisation", config.normalisation, { mean: real(-1e9, 1e9), std: real(1e-12, 1e9) }, true);

  const { width, layers, heads, patchMels, patchFrames, cropFrames, mlpRatio } = config.model;
  const { nMels } = config.model.frontEnd;
  if (width % heads !== 0) throw wrong("model.width", width, `not a multiple of ${heads} heads`);
  if (nMels % patchMels !== 0)
    throw wrong("model.patchMels", patchMels, `which does not divide ${nMels} mels`);
  if (cropFrames < patchFrames) {
    throw wrong("model.patchFrames", patchFrames, `more than the ${cropFrames} frames of a crop`);
  }
  const tokens = (nMels / patchMels) * Math.floor(cropFrames / patchFrames);
  const parameters =
    layers * (4 + 2 * mlpRatio) * width ** 2 + width * (tokens + 2 * patchMels * patchFrames);
  if (parameters > mostParameters) throw wrong("model", parameters, "more parameters than any model has");

  const { objective } = config.pretrain;
  const names: unknown[] = typeof objective === "string" ? objective.split("+") : [objective];
  if (objective !== undefined && !names.every((name) => objectiveNames.some((known) => known === name)))
    throw wrong("pretrain.objective", objective, "not an objective");
  const { contrast } = config.pretrain;
  if (contrast !== undefined) checkAll("pretrain.contrast", contrast, { temperature: real(1e-6, 1e6) }, true);
  for (const name of objectiveNames) {
    const settings = (config.pretrain as unknown as Record<string, unknown>)[name];
    if (settings === undefined) continue;
    checkAll(`pretrain.${name}`, settings, {}, false);
    for (const [key, value] of Object.entries(settings as object)) {
      if (objectiveSizes.has(key)) check(`pretrain.${name}.${key}`, value, whole(1, 2 ** 16));
      else if (typeof value === "number") check(`pretrain.${name}.${key}`, value, ofObjective);
    }
  }
}

function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? "absent";
  return text.length > 40 ? `${text.slice(0, 40)}…` : text;
}
