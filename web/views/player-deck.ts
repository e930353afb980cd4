// The clip that the player holds: its pictures, where its cursor is, what part of it is on the screen, and the loop that draws it while
// it plays. No keys and no buttons (player.tsx), no drawing of its own (player-stage.ts).
import { type ReadonlySignal, type Signal, signal } from "@preact/signals";
import type { App } from "../app.js";
import { fail } from "../dom.js";
import { melOf, samplesOf } from "../media.js";
import type { ClipInfo } from "../protocol.js";
import { drawMoving, drawStill, type Pictures, secondsPerFrame } from "./player-stage.js";
import { melPicture } from "./spectrogram.js";
import { createWindow } from "./time-window.js";
import { waveformPicture } from "./waveform.js";

export interface Canvases {
  still: HTMLCanvasElement;
  moving: HTMLCanvasElement;
}

export interface Deck {
  clip: ReadonlySignal<ClipInfo | undefined>;
  /** The clip's id once its log-mel is there. */
  ready: ReadonlySignal<string | undefined>;
  /** Seconds into the clip, as last drawn. */
  shown: ReadonlySignal<number>;
  /** 0 to 100. */
  zoom: ReadonlySignal<number>;
  sounds(): boolean;
  toggle(): void;
  /** Goes to a time, with the crop where `moveCrop`. */
  seek(seconds: number, moveCrop?: boolean): void;
  /** Moves the cursor while a pointer holds it: nothing sounds there until it is let go. */
  drag(seconds: number): void;
  endDrag(): void;
  zoomTo(zoom: number): void;
  /** Scrolls by a share of the width; false where all is on the screen. */
  scroll(share: number): boolean;
  /** The time at a share of the width. */
  timeAt(share: number): number;
  position(): number;
  redraw(): void;
}

export function createDeck(
  app: App,
  canvases: { current: Canvases | undefined },
  visible: ReadonlySignal<boolean>,
): Deck {
  const clip: Signal<ClipInfo | undefined> = signal(undefined);
  const [shown, zoom] = [signal(0), signal(0)];
  const view = createWindow();
  const calm = matchMedia("(prefers-reduced-motion: reduce)");
  let cursor = 0;
  let dragging = false;
  let dirty = true;
  const crop = createCrop(app, clip);
  const pictures = createPictures(app, clip, () => redraw());
  /** A component that asks is drawn anew when what sounds changes, even if it asked while there was no clip. */
  const sounds = () => {
    const playing = app.playing.value;
    return playing !== undefined && playing.clip === clip.value?.id;
  };
  const position = () => (sounds() && !dragging ? app.position() : cursor);
  const within = (seconds: number) => Math.min(clip.peek()?.seconds ?? 0, Math.max(0, seconds));

  function load(next: ClipInfo): Promise<void> {
    clip.value = next;
    cursor = 0;
    view.reset(next.seconds);
    zoom.value = 0;
    return pictures.load(next.id);
  }

  const redraw = () => {
    dirty = true;
    loop.ask();
  };
  const loop = drawLoop(() => {
    const now = position();
    const playing = sounds();
    if (playing && !dragging) {
      cursor = now;
      dirty = view.follow(now, calm.matches) || dirty;
    }
    const at = canvases.current;
    if (visible.peek() && at && clip.peek()) {
      if (dirty) drawStill(at.still, pictures.now(), view.range(), app.model.peek()?.model.frontEnd);
      drawMoving(at.moving, view.range(), now, crop.range());
      dirty = false;
    }
    shown.value = now;
    return playing;
  });

  function seek(seconds: number, moveCrop = false): void {
    const now = clip.peek();
    if (!now) return;
    cursor = within(seconds);
    view.show(cursor);
    if (sounds()) void app.play({ clip: now.id, from: cursor });
    if (moveCrop) crop.moveTo(cursor);
    redraw();
  }

  app.selected.subscribe((selected) => {
    const next = app.clips.peek().find((each) => each.id === selected?.clip);
    if (!next) clip.value = undefined;
    else if (next.id !== clip.peek()?.id) load(next).catch(fail(app));
    redraw();
  });
  followEnd(app, clip, (seconds) => {
    cursor = seconds;
  });
  for (const each of [app.playing, app.model, visible]) each.subscribe(redraw);
  return {
    ...{ clip, ready: pictures.ready, shown, zoom, sounds, seek, position, redraw },
    toggle() {
      const now = clip.peek();
      if (sounds()) app.stop();
      else if (now) void app.play({ clip: now.id, from: cursor >= now.seconds - 0.05 ? 0 : cursor });
    },
    drag(seconds) {
      dragging = true;
      cursor = within(seconds);
      redraw();
    },
    endDrag() {
      dragging = false;
    },
    zoomTo(next) {
      zoom.value = Math.round(Math.min(100, Math.max(0, next)));
      view.zoom(zoom.peek() / 100, cursor);
      redraw();
    },
    scroll(share) {
      if (!view.zoomed()) return false;
      view.scroll(share);
      redraw();
      return true;
    },
    timeAt: view.timeAt,
  };
}

/** Tells where in this clip the sound has just ended: there the cursor is left. */
function followEnd(
  app: App,
  clip: ReadonlySignal<ClipInfo | undefined>,
  ended: (seconds: number) => void,
): void {
  let sounded = "";
  app.playing.subscribe((playing) => {
    const now = clip.peek();
    const sounds = now !== undefined && playing?.clip === now.id;
    if (now && !sounds && sounded === now.id) ended(Math.min(now.seconds, app.position()));
    sounded = sounds ? now.id : "";
  });
}

/** The pictures of this clip, as they come. */
function createPictures(app: App, clip: ReadonlySignal<ClipInfo | undefined>, changed: () => void) {
  const ready = signal<string | undefined>(undefined);
  let pictures: Pictures = {};
  return {
    ready,
    now: () => pictures,
    async load(id: string): Promise<void> {
      pictures = {};
      const isStill = () => clip.peek()?.id === id;
      const mel = melOf(app, id).then((image) => {
        if (!isStill()) return;
        pictures.mel = melPicture(image);
        ready.value = id;
        changed();
      });
      const wave = samplesOf(app, id).then(({ samples, sampleRate: rate }) => {
        if (!isStill()) return;
        pictures.wave = { picture: waveformPicture(samples), rate };
        changed();
      });
      await Promise.all([mel, wave]);
    },
  };
}

/** The page's crop of this clip. */
function createCrop(app: App, clip: ReadonlySignal<ClipInfo | undefined>) {
  const model = () => app.model.peek()?.model;
  const perFrame = () => secondsPerFrame(model()?.frontEnd);
  return {
    /** It begins at the patch that holds this time, as far as the clip allows. */
    moveTo(seconds: number): void {
      const [now, { patchFrames = 1, cropFrames = 0 } = {}] = [clip.peek(), model()];
      if (!now || cropFrames === 0) return;
      const last = Math.max(0, now.frames - cropFrames);
      const startFrame = Math.min(last, Math.floor(seconds / perFrame() / patchFrames) * patchFrames);
      if (app.selected.peek()?.startFrame !== startFrame) app.selected.value = { clip: now.id, startFrame };
    },
    range() {
      const [now, crop, selected] = [clip.peek(), model(), app.selected.peek()];
      if (!now || !crop || !selected) return undefined;
      const { startFrame } = selected;
      const end = startFrame + Math.min(crop.cropFrames, now.frames);
      return { from: startFrame * perFrame(), to: end * perFrame() };
    },
  };
}

/** Draws at the screen's next picture, once however often it is asked, and goes on while `draw` says so. */
function drawLoop(draw: () => boolean) {
  let awaited = false;
  const ask = () => {
    if (awaited) return;
    awaited = true;
    requestAnimationFrame(() => {
      awaited = false;
      if (draw()) ask();
    });
  };
  return { ask };
}
