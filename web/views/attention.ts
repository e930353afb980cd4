// What a patch listens to: a patch of the crop is chosen by pointer or arrow keys, and its attention to all others is laid over the
// crop, by layer and head. Weights come from the worker as they are.
import type { View } from "../app.js";
import { contrast, grey } from "../colour.js";
import { field, followLook, followVisibility, h, messageOf } from "../dom.js";
import { melOf } from "../media.js";
import type { AttentionAnswer } from "../protocol.js";
import { heightOf } from "./axes.js";
import { type CropPicture, cropPicture, cutCrop, drawCrop, patchAt } from "./crop.js";

export const attention: View = (root, app) => {
  const canvas = h("canvas", {
    tabindex: 0,
    role: "application",
    "aria-label": "Patches of the crop: choose one with the arrow keys",
    "aria-describedby": "attention-says",
  });
  const layer = h("select", { onchange: () => change() });
  const head = h("select", { onchange: () => draw(true) });
  const says = h("p", { class: "hint", id: "attention-says" });
  const each = h("div", { class: "heads" });
  const empty = h("p", { class: "empty" }, "Choose a clip to see what its patches listen to.");
  const body = h(
    "div",
    { class: "attention" },
    h("div", { class: "stage crop" }, canvas),
    h(
      "div",
      { class: "side" },
      h("div", { class: "row" }, field("Layer", layer), field("Head", head)),
      says,
      h(
        "div",
        { class: "legend-bar", "aria-hidden": "true" },
        h("span", {}, "even share or less"),
        h("i"),
        h("span", {}, "strongest"),
      ),
      each,
      h(
        "p",
        { class: "hint" },
        "Click a patch, or focus the picture and press the arrow keys. The outlined patch asks; the stronger the orange, the more it listens there.",
      ),
    ),
  );
  root.append(empty, body);

  let patch: number | undefined;
  let picture: CropPicture | undefined;
  let answer: AttentionAnswer | undefined;
  let visible = false;
  let asking = false;
  let stale = true;
  let shown = "";
  let aloud = false;

  function change(): void {
    stale = true;
    void refresh();
  }

  async function refresh(): Promise<void> {
    const selected = app.selected.get();
    const info = app.model.get();
    if (asking || !visible || !selected || !info || !app.adapter.get()) return;
    asking = true;
    stale = false;
    try {
      const key = `${selected.clip} ${selected.startFrame} ${info.model.cropFrames}`;
      if (key !== shown) {
        const mel = await melOf(app, selected.clip);
        const values = cutCrop(mel, selected.startFrame, info.model.cropFrames);
        picture = cropPicture(values, mel.nMels, info.model.cropFrames, contrast(values), grey);
        shown = key;
        answer = undefined;
        draw();
      }
      patch = Math.min(patch ?? middle(), info.grid.tokens - 1);
      const wanted = layer.value === "" ? -1 : Number(layer.value);
      answer = await app.engine.call("attention", selected.clip, selected.startFrame, patch, wanted);
      offer(answer);
      draw(aloud);
      aloud = false;
    } catch (error) {
      says.textContent = messageOf(error);
    } finally {
      asking = false;
      if (stale) void refresh();
    }
  }

  /** A patch amid the crop, in the lower bands, where music has most to say. */
  function middle(): number {
    const { rows, columns } = app.model.get()!.grid;
    return Math.floor(columns / 2) * rows + Math.floor(rows / 3);
  }

  /** Layers and heads to choose from. */
  function offer({ layers, heads, layer: given }: AttentionAnswer): void {
    if (layer.options.length !== layers) {
      layer.replaceChildren(
        ...Array.from({ length: layers }, (_, i) =>
          h("option", { value: String(i) }, i === layers - 1 ? `${i + 1} (last)` : String(i + 1)),
        ),
      );
      layer.value = String(given);
    }
    if (head.options.length !== heads + 1) {
      head.replaceChildren(
        h("option", { value: "-1" }, "mean of all"),
        ...Array.from({ length: heads }, (_, i) => h("option", { value: String(i) }, String(i + 1))),
      );
      each.replaceChildren(...Array.from({ length: heads }, (_, i) => headButton(i)));
    }
  }

  /** One head, small; pressed again it gives way to the mean of all. */
  function headButton(index: number): HTMLButtonElement {
    return h(
      "button",
      {
        type: "button",
        onclick: () => {
          head.value = head.value === String(index) ? "-1" : String(index);
          draw(true);
        },
      },
      h("canvas", { "aria-hidden": "true" }),
      `Head ${index + 1}`,
    );
  }

  function weightsOf({ weights, heads }: AttentionAnswer, chosen: number): Float32Array {
    const tokens = weights.length / heads;
    if (chosen >= 0) return weights.slice(chosen * tokens, (chosen + 1) * tokens);
    const mean = new Float32Array(tokens);
    for (let i = 0; i < weights.length; i++) mean[i % tokens] += weights[i] / heads;
    return mean;
  }

  /** `aloud` where a person has just chosen: what training changes by itself is not read out. */
  function draw(aloud = false): void {
    const info = app.model.get();
    if (!picture || !info) return;
    says.setAttribute("aria-live", aloud ? "polite" : "off");
    const weights = answer ? weightsOf(answer, Number(head.value)) : undefined;
    const top = largest(weights);
    drawCrop(canvas, picture, info.grid, { lines: true, outlined: patch, weights: relativeTo(weights, top) });
    for (const [i, button] of [...each.children].entries()) {
      button.setAttribute("aria-pressed", String(head.value === String(i)));
      const small = button.querySelector("canvas");
      if (!small || !answer) continue;
      const own = weightsOf(answer, i);
      drawCrop(small, picture, info.grid, { outlined: patch, weights: relativeTo(own, largest(own)) });
    }
    if (!weights || patch === undefined) return;
    const strongest = weights.indexOf(top);
    root.dataset.patch = String(patch);
    says.textContent =
      `The patch at ${placeText(patch)} listens most to ${strongest === patch ? "itself" : `the one at ${placeText(strongest)}`}: ` +
      `${(100 * top).toFixed(1)} %, ${(top * weights.length).toFixed(1)} times an even share.`;
  }

  function placeText(number: number): string {
    const { grid, model } = app.model.get()!;
    const { hopLength, sampleRate } = model.frontEnd;
    const start = app.selected.get()?.startFrame ?? 0;
    const frame = start + (Math.floor(number / grid.rows) + 0.5) * model.patchFrames;
    const share = ((number % grid.rows) + 0.5) / grid.rows;
    return `${((frame * hopLength) / sampleRate).toFixed(1)} s, ${hzText(share)}`;
  }

  /** The frequency at a height of the picture, by bisection of the axis. */
  function hzText(share: number): string {
    const { frontEnd } = app.model.get()!.model;
    let low = 0;
    let high = frontEnd.sampleRate / 2;
    for (let i = 0; i < 30; i++) {
      const middle = (low + high) / 2;
      if (heightOf(middle, frontEnd) < share) low = middle;
      else high = middle;
    }
    return low < 1000 ? `${Math.round(low / 10) * 10} Hz` : `${(low / 1000).toFixed(1)} kHz`;
  }

  canvas.addEventListener("pointerdown", (event) => {
    const grid = app.model.get()?.grid;
    if (!grid || !picture) return;
    patch = patchAt(canvas, grid, event);
    aloud = true;
    draw();
    change();
  });
  canvas.addEventListener("keydown", (event) => {
    const grid = app.model.get()?.grid;
    if (!grid || patch === undefined) return;
    const { rows, columns } = grid;
    let column = Math.floor(patch / rows);
    let row = patch % rows;
    if (event.key === "ArrowLeft") column--;
    else if (event.key === "ArrowRight") column++;
    else if (event.key === "ArrowUp") row++;
    else if (event.key === "ArrowDown") row--;
    else return;
    event.preventDefault();
    patch = Math.min(columns - 1, Math.max(0, column)) * rows + Math.min(rows - 1, Math.max(0, row));
    aloud = true;
    draw();
    change();
  });

  followVisibility(root, (now) => {
    visible = now;
    if (now && stale) void refresh();
    else if (now) draw();
  });
  followLook(canvas, () => draw());
  const restart = () => {
    const chosen = app.selected.get() !== undefined;
    empty.hidden = chosen;
    body.hidden = !chosen;
    change();
  };
  app.selected.follow(restart);
  app.model.follow(() => {
    layer.replaceChildren();
    head.replaceChildren();
    restart();
  });
  app.adapter.follow((adapter) => {
    if (adapter) change();
  });
  let seen = 0;
  app.engine.on("step", ({ step }) => {
    if (step - seen < 20 && step >= seen) return;
    seen = step;
    change();
  });
};

function largest(weights: Float32Array | undefined): number {
  return weights?.reduce((a, b) => Math.max(a, b), 0) ?? 0;
}

/**
 * How strongly each patch is coloured, 0 to 1: nothing up to an even share, all at the largest weight, or at four even shares where no
 * weight is as large. A model that listens everywhere alike leaves the picture grey.
 */
function relativeTo(weights: Float32Array | undefined, top: number): Float32Array | undefined {
  if (!weights) return undefined;
  const even = 1 / weights.length;
  const full = Math.max(top, 4 * even);
  return weights.map((weight) => Math.max(0, weight - even) / (full - even));
}
