// The selected clip to hear and see: waveform above log-mel on one axis of time, the playhead following the audio clock, and the
// crop that the model sees. Keys and clicks seek; zooming scrolls. The pictures themselves are spectrogram.ts and waveform.ts.
import type { View } from "../app.js";
import { clock, fail, followLook, followVisibility, h, icon, sharpContext, styleOf } from "../dom.js";
import { melOf, samplesOf } from "../media.js";
import type { ClipInfo } from "../protocol.js";
import { frequencyTicks, timeTicks } from "./axes.js";
import { type MelPicture, melPicture } from "./spectrogram.js";
import { createWindow } from "./time-window.js";
import { type WaveformPicture, waveformPicture } from "./waveform.js";

const left = 52;
const waveHeight = 64;
const gap = 8;
const bottom = 24;

export const player: View = (root, app) => {
  const title = h("p", { class: "now" });
  const play = h("button", { type: "button", class: "primary", onclick: () => toggle() }, "Play");
  const back = h(
    "button",
    { type: "button", "aria-label": "To the start", onclick: () => seek(0) },
    icon("first"),
  );
  const time = h("span", { class: "clock" }, "0:00.0");
  const zoom = h("input", { type: "range", min: 0, max: 100, value: "0", "aria-label": "Zoom" });
  const still = h("canvas", { "aria-hidden": "true" });
  const moving = h("canvas", {
    tabindex: 0,
    role: "slider",
    "aria-label": "Position in the clip",
    "aria-valuemin": 0,
    "aria-valuemax": 0,
    "aria-valuenow": 0,
    "aria-describedby": "player-keys",
  });
  const stage = h("div", { class: "stage player-stage" }, still, moving);
  const empty = h("p", { class: "empty" }, "Add music, or load the demo, to hear and see it here.");
  const deck = h(
    "div",
    { class: "deck" },
    title,
    h("div", { class: "row" }, play, back, time, h("label", { class: "inline" }, "Zoom", zoom)),
    stage,
    h(
      "p",
      { class: "hint", id: "player-keys" },
      "Click or drag to seek; the frame is the crop that the model sees, and it goes where you click. Keys: ",
      ...keyNames(["Space", "plays", "←", "→", "seek", "Home", "End", "go to the ends", "+", "−", "zoom"]),
    ),
  );
  root.append(empty, deck);

  let clip: ClipInfo | undefined;
  let mel: MelPicture | undefined;
  let wave: { picture: WaveformPicture; rate: number } | undefined;
  let cursor = 0;
  let dirty = true;
  let onScreen = false;
  let dragging = false;
  let awaited = false;
  const view = createWindow();
  const calm = matchMedia("(prefers-reduced-motion: reduce)");

  const soundsHere = () => clip !== undefined && app.playing.get()?.clip === clip.id;
  const perFrame = () => {
    const frontEnd = app.model.get()?.model.frontEnd;
    return frontEnd ? frontEnd.hopLength / frontEnd.sampleRate : 0.032;
  };

  async function load(next: ClipInfo): Promise<void> {
    clip = next;
    mel = undefined;
    wave = undefined;
    cursor = 0;
    view.reset(next.seconds);
    zoom.value = "0";
    title.textContent = next.name;
    moving.setAttribute("aria-valuemax", next.seconds.toFixed(1));
    redraw();
    const picture = melOf(app, next.id).then((image) => {
      if (clip?.id !== next.id) return;
      mel = melPicture(image);
      stage.dataset.ready = next.id;
      redraw();
    });
    const shape = samplesOf(app, next.id).then(({ samples, sampleRate }) => {
      if (clip?.id !== next.id) return;
      wave = { picture: waveformPicture(samples), rate: sampleRate };
      redraw();
    });
    await Promise.all([picture, shape]);
  }

  function toggle(): void {
    if (!clip) return;
    if (soundsHere()) app.stop();
    else void app.play({ clip: clip.id, from: cursor >= clip.seconds - 0.05 ? 0 : cursor });
  }

  function seek(seconds: number, moveCrop = false): void {
    if (!clip) return;
    cursor = Math.min(clip.seconds, Math.max(0, seconds));
    view.show(cursor);
    if (soundsHere()) void app.play({ clip: clip.id, from: cursor });
    if (moveCrop) cropTo(cursor);
    redraw();
  }

  /** The crop begins at the patch that holds this time, as far as the clip allows. */
  function cropTo(seconds: number): void {
    const model = app.model.get()?.model;
    if (!clip || !model) return;
    const step = model.patchFrames;
    const last = Math.max(0, clip.frames - model.cropFrames);
    const startFrame = Math.min(last, Math.floor(seconds / perFrame() / step) * step);
    if (app.selected.get()?.startFrame !== startFrame) app.selected.set({ clip: clip.id, startFrame });
  }

  function zoomTo(share: number): void {
    zoom.value = String(Math.round(Math.min(100, Math.max(0, share))));
    view.zoom(Number(zoom.value) / 100, cursor);
    redraw();
  }
  zoom.addEventListener("input", () => zoomTo(Number(zoom.value)));

  const timeAt = (event: PointerEvent) => {
    const box = moving.getBoundingClientRect();
    return view.timeAt((event.clientX - box.left - left) / Math.max(1, box.width - left));
  };
  moving.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    dragging = true;
    moving.setPointerCapture(event.pointerId);
    cursor = Math.max(0, timeAt(event));
    redraw();
  });
  moving.addEventListener("pointermove", (event) => {
    if (!dragging) return;
    cursor = Math.min(clip?.seconds ?? 0, Math.max(0, timeAt(event)));
    redraw();
  });
  moving.addEventListener("pointerup", (event) => {
    if (!dragging) return;
    dragging = false;
    seek(timeAt(event), true);
  });
  moving.addEventListener("pointercancel", () => {
    dragging = false;
  });
  moving.addEventListener(
    "wheel",
    (event) => {
      if (event.ctrlKey) {
        event.preventDefault();
        zoomTo(Number(zoom.value) - event.deltaY / 4);
      } else if (Math.abs(event.deltaX) > Math.abs(event.deltaY) && view.zoomed()) {
        event.preventDefault();
        view.scroll(event.deltaX / Math.max(1, moving.clientWidth - left));
        redraw();
      }
    },
    { passive: false },
  );
  moving.addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const far = event.shiftKey ? 5 : 1;
    const now = position();
    const moves: Record<string, () => void> = {
      ArrowLeft: () => seek(now - far, true),
      ArrowRight: () => seek(now + far, true),
      PageDown: () => seek(now - 10, true),
      PageUp: () => seek(now + 10, true),
      Home: () => seek(0, true),
      End: () => seek(clip?.seconds ?? 0, true),
      "+": () => zoomTo(Number(zoom.value) + 10),
      "=": () => zoomTo(Number(zoom.value) + 10),
      "-": () => zoomTo(Number(zoom.value) - 10),
    };
    const move = moves[event.key];
    if (!move) return;
    event.preventDefault();
    move();
  });
  // Space plays from anywhere that has no use of its own for it.
  addEventListener("keydown", (event) => {
    if (event.key !== " " || event.repeat || event.defaultPrevented || !clip) return;
    const target = event.target as Element;
    if (
      target !== moving &&
      target.closest("button, input, select, textarea, a, summary, [role], [tabindex]")
    )
      return;
    event.preventDefault();
    toggle();
  });

  const position = () => (soundsHere() && !dragging ? app.position() : cursor);

  function redraw(): void {
    dirty = true;
    if (awaited) return;
    awaited = true;
    requestAnimationFrame(frame);
  }

  function frame(): void {
    awaited = false;
    const now = position();
    const sounds = soundsHere();
    if (sounds && !dragging) {
      cursor = now;
      dirty = view.follow(now, calm.matches) || dirty;
    }
    if (onScreen) {
      if (dirty) drawStill();
      drawMoving(now);
      dirty = false;
    }
    const text = `${clock(now, true)} / ${clock(clip?.seconds ?? 0)}`;
    if (time.textContent !== text) time.textContent = text;
    const spoken = now.toFixed(1);
    if (moving.getAttribute("aria-valuenow") !== spoken) {
      moving.setAttribute("aria-valuenow", spoken);
      moving.setAttribute("aria-valuetext", `${spoken} of ${(clip?.seconds ?? 0).toFixed(1)} seconds`);
    }
    if (sounds) {
      awaited = true;
      requestAnimationFrame(frame);
    }
  }

  /** Everything that stands still: the two pictures and the axes. */
  function drawStill(): void {
    const context = sharpContext(still);
    if (!context) return;
    const { clientWidth, clientHeight } = still;
    const style = styleOf(root);
    const width = clientWidth - left;
    const top = waveHeight + gap;
    const height = clientHeight - top - bottom;
    context.clearRect(0, 0, clientWidth, clientHeight);
    context.fillStyle = style("--sunken");
    context.fillRect(left, 0, width, waveHeight);
    context.fillRect(left, top, width, height);
    const { from, to } = view.range();
    if (wave) {
      const { picture, rate } = wave;
      const area = { x: left, y: 4, width, height: waveHeight - 8 };
      picture.draw(context, from * rate, to * rate, area, style("--wave"));
    }
    mel?.draw(context, from / perFrame(), to / perFrame(), { x: left, y: top, width, height });
    context.fillStyle = style("--muted");
    context.strokeStyle = style("--line");
    context.font = style("--small-font");
    context.textBaseline = "middle";
    context.textAlign = "right";
    const frontEnd = app.model.get()?.model.frontEnd;
    for (const { height: share, text } of frontEnd ? frequencyTicks(frontEnd) : []) {
      context.fillText(text, left - 8, top + (1 - share) * height);
      context.fillRect(left - 4, Math.round(top + (1 - share) * height), 4, 1);
    }
    for (const { at, text } of timeTicks(from, to, width)) {
      const x = left + ((at - from) / (to - from)) * width;
      context.textAlign = x < left + 16 ? "left" : x > clientWidth - 16 ? "right" : "center";
      context.fillRect(Math.min(clientWidth - 1, Math.round(x)), clientHeight - bottom, 1, 4);
      context.fillText(text, x, clientHeight - bottom + 14);
    }
  }

  /** The crop's frame and the playhead. */
  function drawMoving(now: number): void {
    const context = sharpContext(moving);
    if (!context || !clip) return;
    const { clientWidth, clientHeight } = moving;
    const width = clientWidth - left;
    const { from, to } = view.range();
    const xOf = (seconds: number) => left + ((seconds - from) / (to - from)) * width;
    context.clearRect(0, 0, clientWidth, clientHeight);
    context.save();
    context.beginPath();
    context.rect(left, 0, width, clientHeight - bottom);
    context.clip();
    const model = app.model.get()?.model;
    const selected = app.selected.get();
    const top = waveHeight + gap;
    if (model && selected) {
      const x = xOf(selected.startFrame * perFrame());
      const wide = xOf((selected.startFrame + Math.min(model.cropFrames, clip.frames)) * perFrame()) - x;
      const high = clientHeight - top - bottom;
      context.lineWidth = 4;
      context.strokeStyle = "rgb(0 0 0 / 55%)";
      context.strokeRect(x + 1, top + 1, wide - 2, high - 2);
      context.lineWidth = 2;
      context.strokeStyle = "#fff";
      context.strokeRect(x + 1, top + 1, wide - 2, high - 2);
    }
    const x = Math.round(xOf(now));
    context.fillStyle = "rgb(0 0 0 / 55%)";
    context.fillRect(x - 2, 0, 4, clientHeight);
    context.fillStyle = "#7fe3ff";
    context.fillRect(x - 1, 0, 2, clientHeight);
    context.restore();
    stage.dataset.position = now.toFixed(3);
  }

  followVisibility(stage, (visible) => {
    onScreen = visible;
    if (visible) redraw();
  });
  followLook(stage, redraw);
  app.selected.follow((selected) => {
    const next = app.clips.get().find((each) => each.id === selected?.clip);
    deck.hidden = !next;
    empty.hidden = next !== undefined;
    if (!next) {
      clip = undefined;
      return;
    }
    if (next.id !== clip?.id) load(next).catch(fail(app));
    redraw();
  });
  app.playing.follow(() => {
    const sounds = soundsHere();
    if (!sounds && clip && play.dataset.sounds === clip.id) cursor = Math.min(clip.seconds, app.position());
    play.dataset.sounds = sounds ? clip!.id : "";
    play.replaceChildren(icon(sounds ? "pause" : "play"), sounds ? "Pause" : "Play");
    redraw();
  });
  app.model.follow(redraw);
};

/** Names of keys between plain words: names are those of one letter or with a capital. */
function keyNames(words: string[]): (Node | string)[] {
  return words.flatMap((word) => (/^(.|[A-Z]\w+)$/.test(word) ? [h("kbd", {}, word), " "] : [`${word}  `]));
}
