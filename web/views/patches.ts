// What the model is asked and what it answers: the crop in patches, the crop with some of them hidden, and the hidden ones as the
// model fills them in; asked again every few steps while it trains. Numbers come from the worker.
import { type App, asReleased, type View } from "../app.js";
import { contrast, magma } from "../colour.js";
import { followLook, followVisibility, h, messageOf, styleOf } from "../dom.js";
import { melOf } from "../media.js";
import type { Reconstruction } from "../protocol.js";
import { type CropPicture, cropPicture, cutCrop, drawCrop } from "./crop.js";

/** Between two answers while training: steps and milliseconds. */
const everySteps = 5;
const everyMs = 1500;

export const patches: View = (root, app) => {
  const names = ["Original", "Masked", "Filled in"] as const;
  const canvases = names.map((name) =>
    h("canvas", { role: "img", "aria-label": `${name}: waiting for a clip` }),
  );
  const captions = names.map((name) => h("figcaption", {}, h("strong", {}, name), " ", h("span", {})));
  const figures = h(
    "div",
    { class: "triptych" },
    ...names.map((_, i) => h("figure", {}, h("div", { class: "stage crop" }, canvases[i]), captions[i])),
  );
  const again = h("button", { type: "button", onclick: () => anotherMask() }, "Another mask");
  const lines = h("input", { type: "checkbox", checked: true, onchange: () => draw() });
  const say = h("p", { class: "hint", "aria-live": "polite" });
  const empty = h("p", { class: "empty" }, "Choose a clip to see it cut into patches.");
  const body = h(
    "div",
    {},
    figures,
    h("div", { class: "row" }, again, h("label", { class: "inline" }, lines, "Patch borders"), say),
  );
  root.append(empty, body);

  let draws = 0;
  let answer: Reconstruction | undefined;
  let pictures: (CropPicture | undefined)[] = [];
  let visible = false;
  let stale = true;
  let asking = false;
  /** The step at the last question, and the time of its answer. */
  const asked = { step: -1, at: 0 };
  /** Training has stopped since then: what is shown would stay behind. */
  const rests = () => {
    const { status, step } = app.training.get();
    return status !== "running" && status !== "preparing" && step !== asked.step;
  };

  function anotherMask(): void {
    draws++;
    stale = true;
    void refresh();
  }

  /** Shows the crop at once from the clip's own log-mel, before the model has said anything. */
  async function preview(app: App): Promise<void> {
    const selected = app.selected.get();
    const info = app.model.get();
    if (!selected || !info) return;
    const mel = await melOf(app, selected.clip);
    const now = app.selected.get();
    if (now?.clip !== selected.clip || now.startFrame !== selected.startFrame || !stale) return;
    const { cropFrames } = info.model;
    const values = cutCrop(mel, selected.startFrame, cropFrames);
    answer = undefined;
    pictures = [cropPicture(values, mel.nMels, cropFrames, contrast(values), magma)];
    draw();
  }

  async function refresh(): Promise<void> {
    const selected = app.selected.get();
    if (asking || !visible || !selected || !app.model.get() || !app.adapter.get()) return;
    asking = true;
    const mask = draws;
    asked.step = app.training.get().step;
    try {
      if (stale) await preview(app);
      const got = await app.engine.call("reconstruct", selected.clip, selected.startFrame, mask);
      const now = app.selected.get();
      if (now?.clip === selected.clip && now.startFrame === selected.startFrame && mask === draws) {
        take(got);
        stale = false;
      }
    } catch (error) {
      stale = false; // asked again at the next step or choice
      say.textContent = messageOf(error);
    } finally {
      asking = false;
      asked.at = performance.now();
      if (stale || rests()) void refresh();
    }
  }

  function take(got: Reconstruction): void {
    answer = got;
    const { values, nMels, frames } = got.image;
    const range = contrast(values);
    const original = cropPicture(values, nMels, frames, range, magma);
    pictures = [original, original, cropPicture(got.filled, nMels, frames, range, magma)];
    const tokens = app.model.get()?.grid.tokens ?? 0;
    const error = got.mse.toPrecision(3);
    captions[0].querySelector("span")!.textContent = `${tokens} patches`;
    captions[1].querySelector("span")!.textContent = `${got.masked.length} of ${tokens} hidden`;
    captions[2].querySelector("span")!.textContent = `error ${error} at step ${got.step}`;
    canvases[0].setAttribute("aria-label", `Original: the crop in ${tokens} patches`);
    canvases[1].setAttribute("aria-label", `Masked: ${got.masked.length} of ${tokens} patches are hidden`);
    canvases[2].setAttribute(
      "aria-label",
      `Filled in: the model's prediction of the hidden patches, squared error ${error} at step ${got.step}`,
    );
    root.dataset.step = String(got.step);
    const name = got.step === 0 && asReleased(app);
    say.textContent = name
      ? `${name} was released without what fills patches in: train on, and it is learnt anew.`
      : got.step === 0
        ? "The model has not been trained yet."
        : "";
    draw();
  }

  function draw(): void {
    const grid = app.model.get()?.grid;
    if (!grid) return;
    const hiddenColour = styleOf(root)("--hidden-patch");
    for (const [i, canvas] of canvases.entries()) {
      const picture = pictures[i];
      canvas.hidden = !picture;
      if (!picture) continue;
      const hidden = i === 1 ? answer?.masked : undefined;
      drawCrop(canvas, picture, grid, { lines: lines.checked, hidden, hiddenColour });
    }
  }

  followVisibility(root, (now) => {
    visible = now;
    if (now && (stale || rests())) void refresh();
    else if (now) draw();
  });
  followLook(figures, draw);
  const restart = () => {
    stale = true;
    const chosen = app.selected.get() !== undefined;
    empty.hidden = chosen;
    body.hidden = !chosen;
    void refresh();
  };
  app.selected.follow(restart);
  app.model.follow(restart);
  app.adapter.follow((adapter) => {
    if (adapter) restart();
  });
  app.engine.on("step", ({ step }) => {
    if (step - asked.step < everySteps && step >= asked.step) return;
    if (performance.now() - asked.at < everyMs) return;
    void refresh();
  });
  app.training.follow(() => {
    if (rests()) void refresh();
  });
};
