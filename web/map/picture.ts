// What stands out in the map's picture: colours of clips or labels, the point under the pointer, the chosen one with its neighbours, the
// one that sounds, and the lines that belong to them. It follows the state and tells the stage; it draws nothing itself.
import { computed, effect, type ReadonlySignal, type Signal, signal } from "@preact/signals";
import type { ClipInfo } from "../protocol.js";
import type { Atlas, Category, ColourBy } from "./atlas.js";
import { parseColour } from "./colours.js";
import { links, path, plumb, surroundings } from "./figures.js";
import { Look, type Rgba } from "./scene.js";
import type { Stage } from "./stage.js";

/** What a person sees and does in the map; point numbers are −1 for none. */
export interface MapState {
  atlas: Signal<Atlas | undefined>;
  hovered: Signal<number>;
  chosen: Signal<number>;
  /** The chosen point's neighbours, nearest first. */
  near: Signal<readonly number[]>;
  /** The point that sounds now. */
  sounding: Signal<number>;
  /** The clip that the list points to. */
  lit: Signal<string | undefined>;
  colourBy: Signal<ColourBy>;
  /** The page's colours as the map uses them. */
  palette: Signal<Palette>;
}

export interface Palette {
  ink: Rgba;
  accent: Rgba;
  background: Rgba;
  dark: boolean;
}

export function emptyState(): MapState {
  const black: Rgba = [0, 0, 0, 255];
  return {
    atlas: signal(undefined),
    hovered: signal(-1),
    chosen: signal(-1),
    near: signal([]),
    sounding: signal(-1),
    lit: signal(undefined),
    colourBy: signal("clip"),
    palette: signal({ ink: black, accent: black, background: black, dark: false }),
  };
}

/** The colours that an element's style gives. */
export function paletteOf(element: Element): Palette {
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  const style = getComputedStyle(element);
  const of = (name: string) => style.getPropertyValue(name).trim();
  return {
    dark,
    ink: parseColour(of("--ink"), dark ? [233, 234, 236, 255] : [27, 29, 33, 255]),
    accent: parseColour(of("--accent"), dark ? [141, 180, 255, 255] : [36, 89, 184, 255]),
    background: parseColour(style.backgroundColor, dark ? [20, 22, 25, 255] : [253, 253, 252, 255]),
  };
}

export interface Colours {
  colours: Uint8Array;
  categories: Category[];
  ofClip: ReadonlyMap<string, Category>;
}

/** The points' colours, and what they stand for. */
export function coloursOf(
  state: MapState,
  clips: ReadonlySignal<readonly ClipInfo[]>,
): ReadonlySignal<Colours> {
  return computed(
    () =>
      state.atlas.value?.colour(clips.value, state.colourBy.value, state.palette.value.dark) ?? {
        colours: new Uint8Array(0),
        categories: [],
        ofClip: new Map(),
      },
  );
}

/** Keeps the stage's scene at the state; `drawLines` is for positions that move meanwhile. */
export function followState(
  stage: Stage,
  state: MapState,
  colours: ReadonlySignal<Colours>,
): { drawLines(): void; end(): void } {
  const { scene } = stage;

  function showPoints(atlas: Atlas): void {
    const [hovered, chosen, sounding] = [state.hovered.value, state.chosen.value, state.sounding.value];
    const shown = state.lit.value ?? atlas.points[hovered]?.clip;
    const of = shown === undefined ? undefined : new Set(atlas.byClip.get(shown));
    for (let i = 0; i < scene.looks.length; i++) scene.looks[i] = of && !of.has(i) ? Look.Dim : Look.Plain;
    for (const point of state.near.value) scene.looks[point] = Look.Plain;
    if (chosen >= 0) scene.looks[chosen] = Look.Ring;
    if (sounding >= 0) scene.looks[sounding] = Look.Focus;
    if (hovered >= 0) scene.looks[hovered] = Look.Focus;
    scene.colours = colours.value.colours;
  }

  function drawLines(): void {
    const { ink, accent } = state.palette.value;
    const atlas = state.atlas.value;
    const [hovered, chosen] = [state.hovered.value, state.chosen.value];
    const focus = hovered >= 0 ? hovered : chosen;
    scene.lines = surroundings(ink);
    if (atlas) {
      const clip = state.lit.value ?? atlas.points[focus]?.clip;
      const colour = clip === undefined ? undefined : colours.value.ofClip.get(clip)?.colour;
      if (clip !== undefined && colour)
        scene.lines.push(...path(scene.positions, atlas.byClip.get(clip) ?? [], colour));
      if (chosen >= 0) scene.lines.push(...links(scene.positions, chosen, state.near.value, accent));
      if (focus >= 0) scene.lines.push(...plumb(scene.positions, focus, ink));
    }
    stage.linesChanged();
  }

  const end = effect(() => {
    const { ink, background } = state.palette.value;
    Object.assign(scene, { ink, background });
    if (state.atlas.value) showPoints(state.atlas.value);
    drawLines();
    stage.pointsChanged();
  });
  return { drawLines, end };
}
