// What a patch listens to: a patch of the crop is chosen by pointer or arrow keys, and its attention to all others is laid over the
// crop, by layer and head. What is asked is attention-ask.ts.
import type { VNode } from "preact";
import { useRef } from "preact/hooks";
import type { App } from "../app.js";
import { useLook, useOnce, useVisible } from "../hooks.js";
import type { ModelInfo } from "../protocol.js";
import { Field } from "../ui.js";
import { type AttentionQuestion, askAttention, largest, relative, weightsOf } from "./attention-ask.js";
import { frequencyAt, hzText } from "./axes.js";
import { type Grid, patchAt } from "./crop.js";
import { CropCanvas } from "./crop-canvas.js";

export function Attention({ app }: { app: App }): VNode {
  const view = useRef<HTMLDivElement>(null);
  const stage = useRef<HTMLDivElement>(null);
  const visible = useVisible(view);
  const look = useLook(stage);
  const asked = useOnce(() => askAttention(app, visible));
  const chosen = app.selected.value !== undefined;
  const grid = app.model.value?.grid;
  const answer = asked.answer.value;
  const heads = app.model.value?.model.heads ?? 0;
  const weights = answer && weightsOf(answer, asked.head.value);
  return (
    <div ref={view} class="view" data-patch={answer?.query}>
      <p class="empty" hidden={chosen}>
        Choose a clip to see what its patches listen to.
      </p>
      <div class="attention" hidden={!chosen}>
        <div class="stage crop" ref={stage}>
          <CropCanvas
            tabIndex={0}
            role="application"
            aria-label="Patches of the crop: choose one with the arrow keys"
            aria-describedby="attention-says"
            picture={asked.picture.value}
            hidden={false}
            grid={grid}
            marks={{ lines: true, outlined: asked.patch.value, weights: weights && relative(weights) }}
            drawn={look.value}
            onPointerDown={(event) => {
              if (grid && asked.picture.value) asked.choosePatch(patchAt(event.currentTarget, grid, event));
            }}
            onKeyDown={(event) => {
              const now = asked.patch.peek();
              const next = grid && now !== undefined ? patchBeside(now, event.key, grid) : undefined;
              if (next === undefined) return;
              event.preventDefault();
              asked.choosePatch(next);
            }}
          />
        </div>
        <div class="side">
          <Choices app={app} asked={asked} />
          <p class="hint" id="attention-says" aria-live={asked.aloud.value ? "polite" : "off"}>
            {asked.problem.value || (answer && weights && sentence(app, answer.query, weights))}
          </p>
          <div class="legend-bar" aria-hidden="true">
            <span>even share or less</span>
            <i />
            <span>strongest</span>
          </div>
          <Heads asked={asked} heads={heads} grid={grid} drawn={look.value} />
          <p class="hint">
            Click a patch, or focus the picture and press the arrow keys. The outlined patch asks; the
            stronger the orange, the more it listens there.
          </p>
        </div>
      </div>
    </div>
  );
}

/** Layer and head to choose. */
function Choices({ app, asked }: { app: App; asked: AttentionQuestion }): VNode {
  const { layers = 0, heads = 0 } = app.model.value?.model ?? {};
  const { layer, head, aloud } = asked;
  return (
    <div class="row">
      <Field label="Layer">
        {(id) => (
          <select
            id={id}
            value={String(layer.value < 0 ? layers - 1 : layer.value)}
            onChange={(event) => asked.chooseLayer(Number(event.currentTarget.value))}
          >
            {Array.from({ length: layers }, (_, i) => (
              <option key={i} value={String(i)}>
                {i === layers - 1 ? `${i + 1} (last)` : i + 1}
              </option>
            ))}
          </select>
        )}
      </Field>
      <Field label="Head">
        {(id) => (
          <select
            id={id}
            value={String(head.value)}
            onChange={(event) => {
              head.value = Number(event.currentTarget.value);
              aloud.value = true;
            }}
          >
            <option value="-1">mean of all</option>
            {Array.from({ length: heads }, (_, i) => (
              <option key={i} value={String(i)}>
                {i + 1}
              </option>
            ))}
          </select>
        )}
      </Field>
    </div>
  );
}

/** Each head, small; pressed again it gives way to the mean of all. */
function Heads(props: {
  asked: AttentionQuestion;
  heads: number;
  grid: Grid | undefined;
  drawn: number;
}): VNode {
  const { asked, heads, grid, drawn } = props;
  const { head, aloud, patch, picture } = asked;
  const answer = asked.answer.value;
  return (
    <div class="heads">
      {Array.from({ length: heads }, (_, i) => (
        <button
          key={i}
          type="button"
          aria-pressed={head.value === i}
          onClick={() => {
            head.value = head.value === i ? -1 : i;
            aloud.value = true;
          }}
        >
          <CropCanvas
            aria-hidden="true"
            picture={picture.value}
            grid={grid}
            marks={{ outlined: patch.value, weights: answer && relative(weightsOf(answer, i)) }}
            drawn={drawn}
          />
          Head {i + 1}
        </button>
      ))}
    </div>
  );
}

/** The patch that an arrow key leads to; undefined for other keys. */
function patchBeside(patch: number, key: string, { rows, columns }: Grid): number | undefined {
  const steps: Record<string, readonly [number, number]> = {
    ArrowLeft: [-1, 0],
    ArrowRight: [1, 0],
    ArrowUp: [0, 1],
    ArrowDown: [0, -1],
  };
  if (!Object.hasOwn(steps, key)) return undefined;
  const clamp = (value: number, count: number) => Math.min(count - 1, Math.max(0, value));
  const column = clamp(Math.floor(patch / rows) + steps[key][0], columns);
  return column * rows + clamp((patch % rows) + steps[key][1], rows);
}

function sentence(app: App, patch: number, weights: Float32Array): string {
  const info = app.model.value!;
  const start = app.selected.value?.startFrame ?? 0;
  const top = largest(weights);
  const strongest = weights.indexOf(top);
  const where = strongest === patch ? "itself" : `the one at ${placeText(info, start, strongest)}`;
  return (
    `The patch at ${placeText(info, start, patch)} listens most to ${where}: ` +
    `${(100 * top).toFixed(1)} %, ${(top * weights.length).toFixed(1)} times an even share.`
  );
}

/** Where a patch's middle lies in the clip: seconds and Hz. */
function placeText({ grid, model }: ModelInfo, startFrame: number, patch: number): string {
  const { hopLength, sampleRate } = model.frontEnd;
  const frame = startFrame + (Math.floor(patch / grid.rows) + 0.5) * model.patchFrames;
  const hz = frequencyAt(((patch % grid.rows) + 0.5) / grid.rows, model.frontEnd);
  return `${((frame * hopLength) / sampleRate).toFixed(1)} s, ${hzText(hz)}`;
}
