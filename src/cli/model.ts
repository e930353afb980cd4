// The model that a command works with: the one that was chosen, loaded and, where nobody named it, said in a line.
import type { Gpu } from "../tensor/gpu.js";
import { type LoadedModel, loadModel } from "../train/load-model.js";
import { type ChosenModel, modelLine } from "../train/released.js";

/** Loads the chosen model, and notes which released one it is. Throws what loadModel throws. */
export async function openModel(
  gpu: Gpu,
  chosen: ChosenModel,
  note: (text: string) => void,
): Promise<LoadedModel> {
  const line = modelLine(chosen);
  if (line) note(line);
  return loadModel(gpu, chosen.folder);
}
