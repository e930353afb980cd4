// What becomes of the page's model besides training: begun anew, taken out of the page and into it, and everything deleted. Each is
// rejected with what the worker says.
import type { App } from "../app.js";
import type { Begin } from "../protocol.js";
import { download } from "../ui.js";

/** Begins anew, as `wanted` says. */
export async function resetModel(
  app: App,
  wanted: { preset: string; seed: number; begin: Begin },
): Promise<void> {
  const model = await app.engine.call("reset", wanted);
  app.model.value = model;
  app.training.value = { status: "idle", step: 0, steps: 0 };
  const what = model.released
    ? `The model is ${model.released} as it was released`
    : "The weights are as new";
  app.say(`${what}; your clips are still here.`);
}

/** Takes a model's files in the place of the page's model. */
export async function importModel(app: App, files: File[]): Promise<void> {
  const model = await app.engine.call("importModel", files);
  app.model.value = model;
  app.training.value = { status: model.step > 0 ? "paused" : "idle", step: model.step, steps: model.step };
  app.say(`Imported ${files.map((file) => file.name).join(" and ")}: step ${model.step}.`);
}

/** Gives the model's files to the person. */
export async function exportModel(app: App): Promise<void> {
  for (const file of await app.engine.call("exportModel")) download(file);
}

/** Deletes what this page keeps. */
export async function forgetAll(app: App): Promise<void> {
  app.stop();
  await app.engine.call("forget");
  app.clips.value = await app.engine.call("clips");
  app.model.value = await app.engine.call("model");
  app.training.value = { status: "idle", step: 0, steps: 0 };
  app.say("Clips and checkpoints of this page are deleted.");
}
