// What the model is asked and what it answers: the crop in patches, the crop with some of them masked, and the masked ones as the
// model fills them in. When it is asked is patches-ask.ts; the numbers come from the worker.
import { useSignal } from "@preact/signals";
import type { VNode } from "preact";
import { useRef } from "preact/hooks";
import { type App, asReleased } from "../app.js";
import { useLook, useOnce, useVisible } from "../hooks.js";
import { CropCanvas } from "./crop-canvas.js";
import { askReconstructions, type Shown } from "./patches-ask.js";

export function Patches({ app }: { app: App }): VNode {
  const view = useRef<HTMLDivElement>(null);
  const figures = useRef<HTMLDivElement>(null);
  const visible = useVisible(view);
  const look = useLook(figures);
  const lines = useSignal(true);
  const asked = useOnce(() => askReconstructions(app, visible));
  const shown = asked.shown.value;
  const chosen = app.selected.value !== undefined;
  const grid = app.model.value?.grid;
  const drawn = look.value;
  return (
    <div ref={view} class="view" data-step={shown?.answer?.step}>
      <p class="empty" hidden={chosen}>
        Choose a clip to see it cut into patches.
      </p>
      <div hidden={!chosen}>
        <div class="triptych" ref={figures}>
          {figuresOf(shown, grid?.tokens ?? 0).map(({ name, words, label, picture, masked }) => (
            <figure key={name}>
              <div class="stage crop">
                <CropCanvas
                  role="img"
                  aria-label={`${name}: ${label}`}
                  picture={picture}
                  grid={grid}
                  marks={{ lines: lines.value, masked }}
                  drawn={drawn}
                />
              </div>
              <figcaption>
                <strong>{name}</strong> <span>{words}</span>
              </figcaption>
            </figure>
          ))}
        </div>
        <div class="row">
          <button type="button" onClick={asked.anotherMask}>
            Another mask
          </button>
          <label class="inline">
            <input
              type="checkbox"
              checked={lines.value}
              onChange={(event) => {
                lines.value = event.currentTarget.checked;
              }}
            />
            Patch borders
          </label>
          <p class="hint" aria-live="polite">
            {asked.problem.value || remark(app, shown)}
          </p>
        </div>
      </div>
    </div>
  );
}

/** The three pictures: what stands below them, and what they are to who cannot see them. */
function figuresOf(shown: Shown | undefined, tokens: number) {
  const { original, filled, answer } = shown ?? {};
  const waits = "waiting for a clip";
  const share = `${answer?.masked.length} of ${tokens}`;
  const error = `error ${answer?.mse.toPrecision(3)} at step ${answer?.step}`;
  return [
    {
      name: "Original",
      picture: original,
      words: answer && `${tokens} patches`,
      label: answer ? `the crop in ${tokens} patches` : waits,
    },
    {
      name: "Masked",
      picture: answer && original,
      masked: answer?.masked,
      words: answer && `${share} patches`,
      label: answer ? `${share} patches are masked` : waits,
    },
    {
      name: "Filled in",
      picture: filled,
      words: answer && error,
      label: answer ? `the model's prediction of the masked patches, squared ${error}` : waits,
    },
  ];
}

/** What to know about a model that has not been trained here. */
function remark(app: App, shown: Shown | undefined): string {
  if (shown?.answer?.step !== 0) return "";
  const name = asReleased(app);
  return name
    ? `${name} was released without what fills patches in: train on, and it is learnt anew.`
    : "The model has not been trained yet.";
}
