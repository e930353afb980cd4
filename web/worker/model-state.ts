// The model in use with everything that training needs to go on: its settings, step and the copy of its weights that a lost
// device leaves. Pure data and the rules for making it; the trainer itself is training.ts's.
import {
  type FrontEndConfig,
  type ModelConfig,
  type PretrainConfig,
  patchGrid,
  preset,
} from "../../src/patchifier/config.js";
import { objectiveKind } from "../../src/patchifier/objectives.js";
import type { Trainer } from "../../src/train/trainer.js";
import type { ModelInfo } from "../protocol.js";
import type { Checkpoint, RunState } from "./files.js";

/** A model that has not been trained. */
export function freshState(presetName: string, seed = 0): RunState {
  const { model, pretrain } = preset(presetName);
  return stateOf(presetName, model, pretrain, seed);
}

export function stateOf(
  presetName: string,
  model: ModelConfig,
  pretrain: PretrainConfig,
  seed: number,
): RunState {
  return { preset: presetName, seed, step: 0, model, pretrain, normalisation: undefined, heldOut: [] };
}

export function modelInfo(state: RunState): ModelInfo {
  const { model, pretrain, normalisation, step, seed, preset, released } = state;
  const { rows, columns, tokens } = patchGrid(model);
  const parts = objectiveKind(pretrain.objective)
    .parts.filter(({ trained, name }) => trained && name !== "loss")
    .map(({ name, title }) => ({ name, title }));
  return structuredClone({
    ...{ model, pretrain, parts, normalisation, step, seed, preset },
    ...(released === undefined ? {} : { released }),
    grid: { rows, columns, tokens },
  });
}

/** Reads weights, moments and what the objective keeps. No step may be under way. */
export async function readTrainer(trainer: Trainer, state: RunState): Promise<Checkpoint> {
  return {
    state: structuredClone(state),
    weights: await trainer.model.parameters.read(),
    optimizer: await trainer.optimizer.state(),
    objective: await trainer.objective.state?.(),
  };
}

/** Puts back what `readTrainer` gave. A checkpoint without moments is that of imported weights: they start anew. */
export function restoreTrainer(trainer: Trainer, { state, weights, optimizer, objective }: Checkpoint): void {
  trainer.model.parameters.write(weights);
  if (optimizer) trainer.optimizer.restore(optimizer, state.step);
  else trainer.optimizer.step = state.step;
  if (optimizer) trainer.objective.restore?.(objective ?? new Map());
}

/** Numbers of steps between two measurements on held-out pieces, and between checkpoints where steps are slow. */
export function measuredEvery(steps: number): number {
  return Math.min(1000, Math.max(1, Math.ceil(steps / 6)));
}

/** Whether clips that one model hears can be heard by the other. */
export function sameFrontEnd(a: FrontEndConfig, b: FrontEndConfig): boolean {
  const { sampleRate, nFft, hopLength, nMels, gain } = a;
  return (
    sampleRate === b.sampleRate &&
    nFft === b.nFft &&
    hopLength === b.hopLength &&
    nMels === b.nMels &&
    gain === b.gain
  );
}
