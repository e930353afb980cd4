// The map's workings: asking for it, showing a new one in place of the old, and its stage. Hovering and choosing are map-choice.ts; what
// stands out in the picture is web/map/picture.ts, the elements are map.tsx.
import { batch, type ReadonlySignal, type Signal, signal } from "@preact/signals";
import type { App } from "../app.js";
import { fail, followLook } from "../dom.js";
import { Atlas } from "../map/atlas.js";
import { HOME } from "../map/camera.js";
import { control } from "../map/controls.js";
import {
  type Colours,
  coloursOf,
  emptyState,
  followState,
  type MapState,
  paletteOf,
} from "../map/picture.js";
import { followTraining } from "../map/refresh.js";
import { type Renderer, sizeFor } from "../map/scene.js";
import { Stage } from "../map/stage.js";
import { tween } from "../map/tween.js";
import type { EmbeddingMap, Neighbour } from "../protocol.js";
import { createChoice } from "./map-choice.js";

/** Milliseconds between two looks at which window sounds. */
const PLAYING = 150;

export interface MapModel {
  state: MapState;
  colours: ReadonlySignal<Colours>;
  asking: ReadonlySignal<boolean>;
  /** How it is drawn, and why not with WebGPU where that is so. */
  renderer: ReadonlySignal<{ kind: Renderer["kind"]; why: string | undefined } | undefined>;
  hoverPlays: Signal<boolean>;
  /** Whether it is asked for anew by itself. */
  follows: Signal<boolean>;
  refresh(): void;
  /** Chooses a window for all views, and says it; `plays` where the person asked for it by clicking. */
  choose(point: number, plays: boolean): void;
  pointOf(neighbour: Neighbour): number;
  found(neighbours: readonly Neighbour[]): void;
  /** Where the tip is to be put after each drawing. */
  onDraw(place: (at: { x: number; y: number }, size: Stage["size"]) => void): void;
  /** Puts the picture into an element; the returned function ends that. */
  attach(host: HTMLElement): () => void;
}

export function createMap(app: App, visible: ReadonlySignal<boolean>): MapModel {
  const state = emptyState();
  const { atlas, hovered, near } = state;
  const colours = coloursOf(state, app.clips);
  const [asking, hoverPlays, follows] = [signal(false), signal(true), signal(true)];
  const renderer: Signal<{ kind: Renderer["kind"]; why: string | undefined } | undefined> = signal(undefined);
  let stage: Stage | undefined;
  let drawLines = () => {};
  let placeTip = (_at: { x: number; y: number }, _size: Stage["size"]) => {};
  let stopMoving = () => {};
  let failed = false;
  const { choose, selectedPoint, targetOn } = createChoice(app, state, hoverPlays);

  /** Milliseconds that it took; undefined where it failed. */
  async function refresh(asked: boolean): Promise<number | undefined> {
    if (asking.peek() || !app.adapter.peek() || app.clips.peek().length === 0) return undefined;
    asking.value = true;
    const start = performance.now();
    try {
      show(await app.engine.call("map"));
      training.made();
      failed = false;
    } catch (error) {
      // What happens by itself complains once.
      if (asked || !failed) fail(app)(error);
      failed = true;
    } finally {
      asking.value = false;
    }
    return failed ? undefined : performance.now() - start;
  }

  function show(answer: EmbeddingMap): void {
    if (!stage) return;
    stopMoving();
    stopMoving = replaceMap(stage, state, answer, { selectedPoint, moved: () => drawLines() });
  }

  const training = followTraining(app, {
    wanted: () => visible.peek() && follows.peek(),
    stale: () => {
      const [clips, now] = [app.clips.peek(), atlas.peek()];
      return !now || clips.some((clip) => !now.byClip.has(clip.id)) || clips.length < now.byClip.size;
    },
    refresh: () => refresh(false),
  });
  visible.subscribe(training.changed);
  follows.subscribe(training.changed);
  followPlaying(app, state);

  return {
    ...{ state, colours, asking, renderer, hoverPlays, follows, choose },
    refresh: () => void refresh(true),
    pointOf: ({ clip, from }) => atlas.peek()?.pointAt(clip, from) ?? -1,
    found(neighbours) {
      const points = neighbours.map(({ clip, from }) => atlas.peek()?.pointAt(clip, from) ?? -1);
      near.value = points.filter((each) => each >= 0);
    },
    onDraw(place) {
      placeTip = place;
    },
    attach(host) {
      const made = new Stage(host, {
        onRenderer: (kind, why) => {
          renderer.value = { kind, why };
        },
        onDraw: (drawn) => {
          const point = hovered.peek();
          if (point < 0) return;
          const [x, y] = drawn.screen().subarray(3 * point, 3 * point + 2);
          placeTip({ x, y }, drawn.size);
        },
      });
      stage = made;
      made.orbit = { ...HOME };
      const readColours = () => {
        state.palette.value = paletteOf(host);
      };
      readColours();
      const picture = followState(made, state, colours);
      drawLines = picture.drawLines;
      const ends = [control(host, targetOn(made)), followLook(host, readColours), picture.end];
      return () => {
        for (const end of ends) end();
        made.dispose();
      };
    },
  };
}

/** A new map in the old one's place: its points go there from where they were. Returns what ends that. */
function replaceMap(
  stage: Stage,
  { atlas, hovered, chosen, near }: MapState,
  answer: EmbeddingMap,
  { selectedPoint, moved }: { selectedPoint(): number; moved(): void },
): () => void {
  const { scene } = stage;
  const before = atlas.peek();
  const next = new Atlas(answer, before);
  const start = before ? next.positionsIn(before, scene.positions) : undefined;
  const again = (point: number) => {
    const place = before?.points[point];
    return place ? next.pointAt(place.clip, place.from) : -1;
  };
  batch(() => {
    scene.looks = new Uint8Array(next.points.length);
    scene.size = sizeFor(next.points.length);
    scene.positions = start ?? Float32Array.from(next.positions);
    const kept = before?.points[chosen.peek()] ? again(chosen.peek()) : undefined;
    hovered.value = again(hovered.peek());
    near.value = [];
    atlas.value = next;
    chosen.value = kept ?? selectedPoint();
  });
  if (!start) return () => {};
  return tween(start, next.positions, scene.positions, () => {
    moved();
    stage.pointsChanged();
  });
}

/** The point whose window sounds, looked up while something plays. */
function followPlaying(app: App, { atlas, sounding }: MapState): void {
  let timer = 0;
  const look = () => {
    const now = app.playing.peek();
    const seconds = now && Math.max(now.from, app.position());
    sounding.value = seconds === undefined ? -1 : (atlas.peek()?.pointAt(now!.clip, seconds) ?? -1);
  };
  app.playing.subscribe((place) => {
    clearInterval(timer);
    if (place) timer = window.setInterval(look, PLAYING);
    look();
  });
  atlas.subscribe(look);
}
