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
  const [ready, shown, zoom] = [signal<string | undefined>(undefined), signal(0), signal(0)];
  const view = createWindow();
  const calm = matchMedia("(prefers-reduced-motion: reduce)");
  let pictures: Pictures = {};
  let cursor = 0;
  let dragging = false;
  let dirty = true;
  let awaited = false;
  let sounded = "";

  const model = () => app.model.peek()?.model;
  const perFrame = () => secondsPerFrame(model()?.frontEnd);
  /** A component that asks is drawn anew when what sounds changes, even if it asked while there was no clip. */
  const sounds = () => {
    const playing = app.playing.value;
    return playing !== undefined && playing.clip === clip.value?.id;
  };
  const position = () => (sounds() && !dragging ? app.position() : cursor);
  const within = (seconds: number) => Math.min(clip.peek()?.seconds ?? 0, Math.max(0, seconds));

  async function load(next: ClipInfo): Promise<void> {
    clip.value = next;
    pictures = {};
    cursor = 0;
    view.reset(next.seconds);
    zoom.value = 0;
    const isStill = () => clip.peek()?.id === next.id;
    const mel = melOf(app, next.id).then((image) => {
      if (!isStill()) return;
      pictures.mel = melPicture(image);
      ready.value = next.id;
      redraw();
    });
    const wave = samplesOf(app, next.id).then(({ samples, sampleRate: rate }) => {
      if (!isStill()) return;
      pictures.wave = { picture: waveformPicture(samples), rate };
      redraw();
    });
    await Promise.all([mel, wave]);
  }

  /** The crop begins at the patch that holds this time, as far as the clip allows. */
  function cropTo(seconds: number): void {
    const [now, { patchFrames = 1, cropFrames = 0 } = {}] = [clip.peek(), model()];
    if (!now || cropFrames === 0) return;
    const last = Math.max(0, now.frames - cropFrames);
    const startFrame = Math.min(last, Math.floor(seconds / perFrame() / patchFrames) * patchFrames);
    if (app.selected.peek()?.startFrame !== startFrame) app.selected.value = { clip: now.id, startFrame };
  }

  function cropRange() {
    const [now, crop, selected] = [clip.peek(), model(), app.selected.peek()];
    if (!now || !crop || !selected) return undefined;
    const { startFrame } = selected;
    const end = startFrame + Math.min(crop.cropFrames, now.frames);
    return { from: startFrame * perFrame(), to: end * perFrame() };
  }

  function redraw(): void {
    dirty = true;
    if (awaited) return;
    awaited = true;
    requestAnimationFrame(frame);
  }

  function frame(): void {
    awaited = false;
    const now = position();
    const playing = sounds();
    if (playing && !dragging) {
      cursor = now;
      dirty = view.follow(now, calm.matches) || dirty;
    }
    const at = canvases.current;
    if (visible.peek() && at && clip.peek()) {
      if (dirty) drawStill(at.still, pictures, view.range(), model()?.frontEnd);
      drawMoving(at.moving, view.range(), now, cropRange());
      dirty = false;
    }
    shown.value = now;
    if (!playing) return;
    awaited = true;
    requestAnimationFrame(frame);
  }

  function seek(seconds: number, moveCrop = false): void {
    const now = clip.peek();
    if (!now) return;
    cursor = within(seconds);
    view.show(cursor);
    if (sounds()) void app.play({ clip: now.id, from: cursor });
    if (moveCrop) cropTo(cursor);
    redraw();
  }

  app.selected.subscribe((selected) => {
    const next = app.clips.peek().find((each) => each.id === selected?.clip);
    if (!next) clip.value = undefined;
    else if (next.id !== clip.peek()?.id) load(next).catch(fail(app));
    redraw();
  });
  app.playing.subscribe(() => {
    const now = clip.peek();
    if (sounds()) sounded = now!.id;
    else {
      // What has just ended leaves the cursor where it ended.
      if (now && sounded === now.id) cursor = Math.min(now.seconds, app.position());
      sounded = "";
    }
    redraw();
  });
  app.model.subscribe(redraw);
  visible.subscribe(redraw);
  return {
    ...{ clip, ready, shown, zoom, sounds, seek, position, redraw },
    toggle() {
      const now = clip.peek();
      if (!now) return;
      if (sounds()) app.stop();
      else void app.play({ clip: now.id, from: cursor >= now.seconds - 0.05 ? 0 : cursor });
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
