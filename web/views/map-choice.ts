// What the pointer is on in the map and what is chosen there: by pointer, by key and by the page's selection, with what sounds of it.
import { batch, type ReadonlySignal } from "@preact/signals";
import type { App } from "../app.js";
import type { ControlTarget } from "../map/controls.js";
import { clipOf, frameOf, secondsOf, sounds } from "../map/nearest.js";
import type { MapState } from "../map/picture.js";
import type { Stage } from "../map/stage.js";

/** Milliseconds that the pointer rests on a point before it sounds. */
const HOVER_DELAY = 220;

export interface Choice {
  /** Chooses a window for all views, and says it; `plays` where the person asked for it by clicking. */
  choose(point: number, plays: boolean): void;
  /** Where the page's selection lies in the map; -1 where it does not. */
  selectedPoint(): number;
  /** What pointers and keys over a stage do. */
  targetOn(stage: Stage): ControlTarget;
}

export function createChoice(
  app: App,
  { atlas, hovered, chosen, near }: MapState,
  hoverPlays: ReadonlySignal<boolean>,
): Choice {
  const hovering = hoverSound(app);

  function hover(point: number): void {
    if (point === hovered.peek()) return;
    hovered.value = point;
    hovering.leave();
    const place = atlas.peek()?.points[point];
    if (place && hoverPlays.peek()) hovering.rest(place);
  }

  function mark(point: number): void {
    if (point === chosen.peek() && point >= 0) return;
    batch(() => {
      chosen.value = point;
      near.value = [];
    });
  }

  function choose(point: number, plays: boolean): void {
    const place = atlas.peek()?.points[point];
    if (!place) return;
    const { clip, from, to } = place;
    mark(point);
    app.selected.value = { clip, startFrame: frameOf(app, clipOf(app, clip), from) };
    hovering.forget();
    if (plays) void app.play({ clip, from, to });
  }

  function selectedPoint(): number {
    const selected = app.selected.peek();
    if (!selected) return -1;
    const seconds = secondsOf(app, clipOf(app, selected.clip), selected.startFrame);
    return atlas.peek()?.pointAt(selected.clip, seconds) ?? -1;
  }

  /** A key other than those that turn and zoom; true where it was used. */
  function pressKey({ key }: KeyboardEvent): boolean {
    const count = atlas.peek()?.points.length;
    if (!count) return false;
    const now = chosen.peek();
    const place = atlas.peek()?.points[now];
    if (key === "n" || key === "N") choose((now + 1) % count, false);
    else if (key === "p" || key === "P") choose((Math.max(now, 0) + count - 1) % count, false);
    else if ((key === "Enter" || key === " ") && place) {
      if (sounds(app, place)) app.stop();
      else void app.play(place);
    } else if (key === "Escape") {
      app.stop();
      mark(-1);
    } else return false;
    return true;
  }

  function targetOn(stage: Stage): ControlTarget {
    return {
      get orbit() {
        return stage.orbit;
      },
      set orbit(orbit) {
        stage.orbit = orbit;
      },
      hover: (x, y) => hover(stage.pick(x, y)),
      leave: () => hover(-1),
      click: (x, y, touch) => {
        const point = stage.pick(x, y, touch ? 14 : 5);
        if (point < 0) mark(-1);
        else choose(point, true);
        if (touch) hover(point);
      },
      key: pressKey,
    };
  }

  hoverPlays.subscribe(hovering.forget);
  app.selected.subscribe((selected) => {
    const now = atlas.peek()?.points[chosen.peek()];
    if (!atlas.peek() || !selected) return;
    const seconds = secondsOf(app, clipOf(app, selected.clip), selected.startFrame);
    if (now?.clip === selected.clip && Math.abs(now.from - seconds) < 0.05) return;
    mark(selectedPoint());
  });
  return { choose, selectedPoint, targetOn };
}

/** The sound of the point under the pointer: after a rest there, and only after a first click or key, as browsers want it. */
function hoverSound(app: App) {
  let timer = 0;
  let sounding = false;
  app.playing.subscribe((place) => {
    if (!place) sounding = false;
  });
  const forget = () => {
    clearTimeout(timer);
    sounding = false;
  };
  return {
    forget,
    rest(place: { clip: string; from: number; to: number }) {
      if (navigator.userActivation?.hasBeenActive === false) return;
      timer = window.setTimeout(() => {
        sounding = true;
        void app.play(place);
      }, HOVER_DELAY);
    },
    leave() {
      const stops = sounding;
      forget();
      if (stops) app.stop();
    },
  };
}
