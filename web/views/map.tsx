// The 3-D map of the embeddings: every window of every clip a point, near what sounds alike to the model. Turn it, hover to hear,
// click to choose. How it works is map-model.ts, the drawing is in web/map; the worker embeds and finds the axes.
import type { Signal } from "@preact/signals";
import type { VNode } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import { type App, asReleased } from "../app.js";
import { useOnce, useVisible } from "../hooks.js";
import type { ColourBy } from "../map/atlas.js";
import { ChosenPanel } from "../map/chosen.js";
import { ClipList, Swatch } from "../map/clip-list.js";
import { placeName } from "../map/nearest.js";
import { MapTip } from "../map/tip.js";
import { Field } from "../ui.js";
import { createMap, type MapModel } from "./map-model.js";

/** Colours that the legend names at most. */
const MOST_NAMES = 12;

export function EmbeddingMapView({ app }: { app: App }): VNode {
  const view = useRef<HTMLDivElement>(null);
  const visible = useVisible(view);
  const map = useOnce(() => createMap(app, visible));
  const { state, colours } = map;
  const renderer = map.renderer.value;
  return (
    <div ref={view} class="view map-view">
      <Tools app={app} map={map} />
      <div class="map-layout">
        <div class="map-main">
          <Picture app={app} map={map} />
          <p class="hint" aria-live="polite">
            {facts(app, map)}
          </p>
          <p class="hint" hidden={!renderer || renderer.kind === "webgpu"}>
            {renderer?.why && `Drawn on a plain canvas, which is slower: ${renderer.why}`}
          </p>
          <p class="hint" id="map-help">
            Drag or arrow keys turn, wheel, pinch or + and − zoom, Home sets back. Click chooses a window; N
            and P step through them, Enter plays.
          </p>
        </div>
        <div class="map-side">
          <ChosenPanel
            app={app}
            place={state.atlas.value?.points[state.chosen.value]}
            found={map.found}
            choose={(each) => map.choose(map.pointOf(each), false)}
          />
          <details class="map-all" open>
            <summary>All points as a list</summary>
            <ClipList
              atlas={state.atlas.value}
              clips={app.clips.value}
              ofClip={colours.value.ofClip}
              chosen={state.chosen.value}
              choose={(point) => map.choose(point, true)}
              light={(clip) => {
                state.lit.value = clip;
              }}
            />
          </details>
        </div>
      </div>
    </div>
  );
}

function Tools({ app, map }: { app: App; map: MapModel }): VNode {
  const { asking, state } = map;
  return (
    <div class="row map-tools">
      <button
        type="button"
        disabled={asking.value || app.clips.value.length === 0 || !app.adapter.value}
        onClick={map.refresh}
      >
        {asking.value ? "Embedding…" : state.atlas.value ? "Update map" : "Draw the map"}
      </button>
      <Field label="Colour by">
        {(id) => (
          <select
            id={id}
            value={state.colourBy.value}
            onChange={(event) => {
              state.colourBy.value = event.currentTarget.value as ColourBy;
            }}
          >
            <option value="clip">clip</option>
            <option value="label">label</option>
          </select>
        )}
      </Field>
      <Tick label="Play on hover" value={map.hoverPlays} />
      <Tick label="Follow the training" value={map.follows} />
    </div>
  );
}

function Tick({ label, value }: { label: string; value: Signal<boolean> }): VNode {
  return (
    <label class="tick">
      <input
        type="checkbox"
        checked={value.value}
        onChange={(event) => {
          value.value = event.currentTarget.checked;
        }}
      />
      <span>{label}</span>
    </label>
  );
}

/** The picture itself, with the words that lie over it. */
function Picture({ app, map }: { app: App; map: MapModel }): VNode {
  const host = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => map.attach(host.current!), []);
  const { atlas, hovered, chosen, colourBy } = map.state;
  const place = atlas.value?.points[chosen.value];
  const { categories } = map.colours.value;
  return (
    <div
      ref={host}
      class={hovered.value >= 0 ? "map-stage on-point" : "map-stage"}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: it is turned and walked through by keys
      tabIndex={0}
      role="application"
      aria-roledescription="3-D map"
      aria-label={`Map of the embeddings.${place ? ` Chosen: ${placeName(app, place)}` : ""}`}
      aria-describedby="map-help"
      data-renderer={map.renderer.value?.kind}
    >
      <MapTip app={app} point={atlas.value?.points[hovered.value]} follow={map.onDraw} />
      <p class="map-empty" hidden={atlas.value !== undefined}>
        {app.clips.value.length === 0
          ? "Add music to the library: each clip becomes a string of points here."
          : map.asking.value
            ? "Embedding the clips…"
            : "The map is not drawn yet."}
      </p>
      <ul
        class="map-legend"
        aria-label="Colours"
        hidden={colourBy.value === "clip" || categories.length === 0}
      >
        {categories.slice(0, MOST_NAMES).map((category) => (
          <li key={category.name}>
            <Swatch category={category} />
            {category.name ?? "no label"}
          </li>
        ))}
      </ul>
    </div>
  );
}

/** What the map holds and what is missing in it. */
function facts(app: App, { state }: MapModel): string {
  const atlas = state.atlas.value;
  if (!atlas) return "";
  const missing = app.clips.value.filter((clip) => !atlas.byClip.has(clip.id)).length;
  const name = atlas.step === 0 && asReleased(app);
  const madeBy = name ? `${name} as it was released` : `the model of step ${atlas.step}`;
  return [
    `${atlas.points.length} windows of ${atlas.byClip.size} clips, by ${madeBy}.`,
    `The three axes hold ${Math.round(100 * atlas.explained)} % of the variance.`,
    missing > 0 ? `${missing} ${missing === 1 ? "clip is" : "clips are"} not in it yet.` : "",
  ].join(" ");
}
