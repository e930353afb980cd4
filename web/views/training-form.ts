// What a person asks of a training, and what the worker is then asked to do: the fields' values, start and pause. No elements. What else
// becomes of the model is in training-model.ts.
import { computed, effect, type Signal, signal } from "@preact/signals";
import type { App } from "../app.js";
import { fail } from "../dom.js";
import type { Begin, ModelInfo } from "../protocol.js";
import { exportModel, forgetAll, importModel, resetModel } from "./training-model.js";

export interface TrainingForm {
  steps: Signal<string>;
  batch: Signal<string>;
  seed: Signal<string>;
  preset: Signal<string>;
  begin: Signal<Begin>;
  /** The form's element, whose fields are looked at before anything is asked. */
  element: { current: HTMLFormElement | null };
  /** An answer is awaited. */
  pressed: Signal<boolean>;
  press(): Promise<void>;
  reset(): void;
  exportModel(): void;
  importModel(files: File[]): void;
  forget(): void;
}

export function createTrainingForm(app: App): TrainingForm {
  const form = {
    steps: signal("200"),
    batch: signal("8"),
    seed: signal("1"),
    preset: signal(new URLSearchParams(location.search).get("preset") ?? "demo"),
    begin: signal<Begin>("random"),
    element: { current: null as HTMLFormElement | null },
    pressed: signal(false),
  };
  /** Whether this page has seen the run train: only such a one is resumed. */
  let seenSteps = false;
  app.training.subscribe(({ status }) => {
    if (status === "running" || status === "preparing") seenSteps = true;
  });
  app.model.subscribe((model) => {
    if (model) fill(model);
  });
  // Only a model of its own preset begins with the released one.
  const offered = computed(() => app.offered.value?.preset === form.preset.value);
  effect(() => {
    if (!offered.value) form.begin.value = "random";
  });

  function fill(model: ModelInfo): void {
    form.batch.value = String(model.pretrain.batch);
    form.steps.value = String(Math.max(model.step, model.pretrain.steps));
    form.seed.value = String(model.seed);
    form.preset.value = model.preset;
    const { released } = model;
    if (model.step === 0) form.begin.value = released && offered.value ? "released" : "random";
  }

  /** Whether the fields ask for more than going on. */
  function changed(): boolean {
    const { step, steps } = app.training.peek();
    return Number(form.steps.value) !== steps || step >= steps;
  }

  /** What a model that is begun anew is asked to be. */
  const wanted = () => ({
    preset: form.preset.value,
    seed: Number(form.seed.value),
    begin: form.begin.value,
  });

  async function start(): Promise<void> {
    if (!valid(app, form.element.current)) return;
    if (app.clips.peek().length === 0) {
      app.say("There is nothing to train on: add music, or load the demo music, in the library.", "error");
      return;
    }
    const info = app.model.peek();
    const { preset, seed, begin } = wanted();
    const isOther =
      preset !== info?.preset || seed !== info?.seed || begin !== (info?.released ? "released" : "random");
    if (info?.step === 0 && isOther) app.model.value = await app.engine.call("reset", wanted());
    if (info && info.step > 0 && preset !== info.preset) {
      app.say(`This model is of another preset: press Reset to begin anew with “${preset}”.`, "error");
      return;
    }
    const { step } = app.training.peek();
    if (Number(form.steps.value) <= step) form.steps.value = String(step + 200);
    const [steps, batch] = [Number(form.steps.value), Number(form.batch.value)];
    await app.engine.call("train", { steps, batch, seed: Number(form.seed.value) });
    seenSteps = true;
  }

  return {
    ...form,
    async press() {
      const { status } = app.training.peek();
      form.pressed.value = true;
      try {
        if (status === "running" || status === "preparing") await app.engine.call("pause");
        else if (status === "paused" && seenSteps && !changed()) await app.engine.call("resume");
        else await start();
      } catch (error) {
        fail(app)(error);
      } finally {
        form.pressed.value = false;
      }
    },
    reset() {
      if (valid(app, form.element.current)) void resetModel(app, wanted()).catch(fail(app));
    },
    exportModel: () => void exportModel(app).catch(fail(app)),
    importModel(files) {
      if (files.length === 0) return;
      const imported = importModel(app, files).then(() => {
        seenSteps = false;
      });
      void imported.catch(fail(app));
    },
    forget: () => void forgetAll(app).catch(fail(app)),
  };
}

/** Whether all fields of a form are filled in rightly; says the first that is not. */
function valid(app: App, form: HTMLFormElement | null): boolean {
  const inputs = form?.querySelectorAll<HTMLInputElement>("input[type=number]") ?? [];
  const bad = [...inputs].find((input) => !input.checkValidity());
  if (!bad) return true;
  bad.focus();
  app.say(`${bad.name}: write a whole number from ${bad.min} to ${bad.max}.`, "error");
  return false;
}
