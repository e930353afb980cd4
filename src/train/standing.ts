// How the parts of a run's objective stand beside chance on held-out crops, in numbers for the report and in sentences for people. A
// part that stays at chance is a passenger: the run then teaches less than its name says.
import { objectiveKind, type Standing, standings } from "../patchifier/objectives.js";
import type { RunConfig } from "./config.js";
import type { PartCurve } from "./report/types.js";
import type { HeldOutLine } from "./run-folder.js";

type Plan = Pick<RunConfig, "model" | "pretrain">;

/** The parts of the objective for the report, with what guessing scores on the last held-out crops. */
export function partCurves({ model, pretrain }: Plan, heldOut: readonly HeldOutLine[]): PartCurve[] {
  const last = heldOut.at(-1);
  const known = last ? standings(model, pretrain, last) : [];
  return objectiveKind(pretrain.objective).parts.map(({ name, title, words, fromZero }) => ({
    ...{ name, title, words, fromZero },
    chance: known.find((each) => each.name === name)?.chance,
  }));
}

/** A sentence for each part that is within 2 % of chance or of a plain answer, once warm-up is over. */
export function stuckParts({ model, pretrain }: Plan, heldOut: readonly HeldOutLine[]): string[] {
  const last = heldOut.at(-1);
  if (!last || last.step <= pretrain.warmup) return [];
  return standings(model, pretrain, last)
    .filter(({ stuck, noBetter }) => stuck || noBetter)
    .map((standing) => stuckSentence(standing, last.step));
}

function stuckSentence({ title, value, chance, stuck, noBetter }: Standing, step: number): string {
  if (!stuck && noBetter) {
    return `${title} is no better on held-out crops after ${step} steps than ${noBetter.words} (${value.toPrecision(4)}, that ${noBetter.value.toPrecision(4)}).`;
  }
  return `${title} is at chance on held-out crops after ${step} steps (${value.toPrecision(4)}, guessing ${chance.toPrecision(4)}): this part has taught nothing yet.`;
}
