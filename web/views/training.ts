// The controls of training: start, pause, resume, what to train, and the model's way out of and into the page. The work is the
// worker's; its curves are losses.ts.
import { asReleased, type View } from "../app.js";
import { fail, field, h } from "../dom.js";
import type { Begin, ExportedFile, TrainingState } from "../protocol.js";

/** What a preset asks of a machine. */
const presets = [
  { value: "demo", text: "demo: any machine" },
  { value: "small", text: "small: a laptop's GPU, 1 GiB" },
  { value: "base", text: "base: a workstation's GPU, 3 GiB" },
];

const says: Record<TrainingState["status"], string> = {
  idle: "Not trained yet",
  preparing: "Preparing: measuring the clips and compiling kernels",
  running: "Training",
  paused: "Paused",
  done: "Done",
  failed: "Stopped by an error",
};

export const training: View = (root, app) => {
  const number = (value: number, min: number, max: number) =>
    h("input", {
      type: "number",
      value: String(value),
      min,
      max,
      step: 1,
      required: true,
      inputmode: "numeric",
    });
  const steps = number(200, 1, 1_000_000);
  const batch = number(8, 1, 512);
  const seed = number(1, 0, 2 ** 31 - 1);
  const preset = h("select", {}, ...presets.map(({ value, text }) => h("option", { value }, text)));
  preset.value = new URLSearchParams(location.search).get("preset") ?? "demo";
  const fromReleased = h("option", { value: "released" });
  const begin = h("select", {}, fromReleased, h("option", { value: "random" }, "random weights"));
  begin.value = "random";
  const beginField = field("Begin with", begin);
  const go = h("button", { type: "submit", class: "primary" }, "Start");
  const reset = twoStep("Reset", "Forget the weights?", () => resetModel(), "danger");
  const saveFiles = h("button", { type: "button", onclick: () => void exportModel() }, "Export");
  const picker = h("input", {
    type: "file",
    multiple: true,
    accept: ".safetensors,.json",
    class: "sr-only",
    tabindex: -1,
    "aria-label": "model.safetensors and config.json",
    onchange: () => void importModel(),
  });
  const open = h("button", { type: "button", onclick: () => picker.click() }, "Import");
  const forget = twoStep("Forget", "Delete clips and model?", () => forgetAll(), "danger");
  const line = h("p", { class: "state" });
  const spoken = h("p", { class: "sr-only", role: "status" });
  const bar = h("progress", { max: 1, value: "0", "aria-label": "Steps done" });
  const form = h(
    "form",
    {
      novalidate: true,
      onsubmit: (event: SubmitEvent) => {
        event.preventDefault();
        void press();
      },
    },
    h(
      "div",
      { class: "row actions" },
      go,
      reset,
      h("span", { class: "spring" }),
      saveFiles,
      open,
      picker,
      forget,
    ),
    line,
    spoken,
    bar,
    h(
      "div",
      { class: "row fields" },
      field("Steps", steps),
      field("Batch", batch),
      field("Seed", seed),
      field("Preset", preset),
      beginField,
    ),
  );
  root.append(form);

  let seenSteps = false;

  const valid = () => {
    const bad = [steps, batch, seed].find((input) => !input.checkValidity());
    if (!bad) return true;
    bad.focus();
    const name = bad === steps ? "Steps" : bad === batch ? "Batch" : "Seed";
    app.say(`${name}: write a whole number from ${bad.min} to ${bad.max}.`, "error");
    return false;
  };

  async function press(): Promise<void> {
    const { status } = app.training.get();
    go.disabled = true;
    try {
      if (status === "running" || status === "preparing") await app.engine.call("pause");
      else if (status === "paused" && seenSteps && !changed()) await app.engine.call("resume");
      else await start();
    } catch (error) {
      fail(app)(error);
    } finally {
      go.disabled = !app.adapter.get();
    }
  }

  /** Whether the fields ask for more than going on. */
  const changed = () => {
    const { step, steps: total } = app.training.get();
    return Number(steps.value) !== total || step >= total;
  };

  async function start(): Promise<void> {
    if (!valid()) return;
    if (app.clips.get().length === 0) {
      app.say("There is nothing to train on: add music, or load the demo music, in the library.", "error");
      return;
    }
    const info = app.model.get();
    const isOther =
      preset.value !== info?.preset ||
      Number(seed.value) !== info?.seed ||
      begin.value !== (info?.released ? "released" : "random");
    if (info?.step === 0 && isOther) app.model.set(await app.engine.call("reset", wanted()));
    if (info && info.step > 0 && preset.value !== info.preset) {
      app.say(`This model is of another preset: press Reset to begin anew with “${preset.value}”.`, "error");
      return;
    }
    const { step } = app.training.get();
    if (Number(steps.value) <= step) steps.value = String(step + 200);
    await app.engine.call("train", {
      steps: Number(steps.value),
      batch: Number(batch.value),
      seed: Number(seed.value),
    });
    seenSteps = true;
  }

  /** What a model that is begun anew is asked to be. */
  function wanted(): { preset: string; seed: number; begin: Begin } {
    return { preset: preset.value, seed: Number(seed.value), begin: begin.value as Begin };
  }

  async function resetModel(): Promise<void> {
    if (!valid()) return;
    const model = await app.engine.call("reset", wanted());
    app.model.set(model);
    app.training.set({ status: "idle", step: 0, steps: 0 });
    const what = model.released
      ? `The model is ${model.released} as it was released`
      : "The weights are as new";
    app.say(`${what}; your clips are still here.`);
  }

  async function exportModel(): Promise<void> {
    try {
      for (const file of await app.engine.call("exportModel")) download(file);
    } catch (error) {
      fail(app)(error);
    }
  }

  async function importModel(): Promise<void> {
    const files = [...(picker.files ?? [])];
    picker.value = "";
    if (files.length === 0) return;
    try {
      const model = await app.engine.call("importModel", files);
      app.model.set(model);
      app.training.set({ status: model.step > 0 ? "paused" : "idle", step: model.step, steps: model.step });
      seenSteps = false;
      app.say(`Imported ${files.map((file) => file.name).join(" and ")}: step ${model.step}.`);
    } catch (error) {
      fail(app)(error);
    }
  }

  async function forgetAll(): Promise<void> {
    app.stop();
    await app.engine.call("forget");
    app.clips.set(await app.engine.call("clips"));
    app.model.set(await app.engine.call("model"));
    app.training.set({ status: "idle", step: 0, steps: 0 });
    app.say("Clips and checkpoints of this page are deleted.");
  }

  /** A button that asks once more before it does what cannot be undone. */
  function twoStep(
    text: string,
    question: string,
    run: () => Promise<void>,
    kind: string,
  ): HTMLButtonElement {
    let timer = 0;
    const calm = () => {
      clearTimeout(timer);
      timer = 0;
      button.textContent = text;
      button.classList.remove(kind);
    };
    const button = h(
      "button",
      {
        type: "button",
        onclick: () => {
          if (timer) {
            calm();
            run().catch(fail(app));
            return;
          }
          button.textContent = question;
          button.classList.add(kind);
          timer = window.setTimeout(calm, 5000);
        },
        onblur: calm,
      },
      text,
    );
    return button;
  }

  const show = ({ status, step, steps: total }: TrainingState) => {
    const busy = status === "running" || status === "preparing";
    const done = status === "done" || (status === "paused" && step >= total);
    const paused = status === "paused" && !done;
    go.textContent = busy ? "Pause" : done ? "Train on" : paused ? "Resume" : "Start";
    const name = status === "idle" && asReleased(app);
    const word = name
      ? `${name}, as it was released: all below works with it; Start trains on`
      : says[done ? "done" : status];
    line.textContent = total > 0 ? `${word}, step ${step} of ${total}` : word;
    if (line.dataset.status !== status) spoken.textContent = word; // not at every step
    line.dataset.status = status;
    bar.max = Math.max(1, total);
    bar.value = step;
    if (busy) seenSteps = true;
    for (const input of [steps, batch, preset, begin]) input.disabled = busy;
    seed.disabled = busy || step > 0; // the seed is the run's
  };
  app.training.follow(show);
  /** Only a model of its own preset begins with the released one. */
  const offer = () => {
    const offered = app.offered.get();
    beginField.hidden = !offered;
    fromReleased.textContent = `${offered?.name ?? ""} (released)`;
    fromReleased.disabled = offered?.preset !== preset.value;
    if (fromReleased.disabled) begin.value = "random";
  };
  preset.addEventListener("change", offer);
  app.offered.follow(offer);
  app.model.follow((model) => {
    if (!model) return;
    batch.value = String(model.pretrain.batch);
    steps.value = String(Math.max(model.step, model.pretrain.steps));
    seed.value = String(model.seed);
    preset.value = model.preset;
    if (model.step === 0) begin.value = model.released ? "released" : "random";
    offer();
    show(app.training.get());
  });
  app.adapter.follow((adapter) => {
    for (const button of [go, reset, saveFiles, open, forget]) button.disabled = !adapter;
  });
};

function download({ name, type, bytes }: ExportedFile): void {
  const url = URL.createObjectURL(new Blob([bytes], { type }));
  const link = h("a", { href: url, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
