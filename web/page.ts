// Puts the page together: what the views share, the views, and what the worker says. It is given the worker (or anything that
// answers like it), so that tests can run the page alone. Not here: what a view shows.
import { signal } from "@preact/signals";
import { h, render } from "preact";
import type { App, Engine, View } from "./app.js";
import { byId, bytesText, fail, followVisibility } from "./dom.js";
import { forgetMedia, samplesOf } from "./media.js";
import { createPlayback } from "./playback.js";
import type { AdapterInfo, Calls, ClipInfo, ModelInfo, OfferedModel, TrainingState } from "./protocol.js";
import { Attention } from "./views/attention.js";
import { Library } from "./views/library.js";
import { Losses } from "./views/losses.js";
import { createNotices, NoticeList } from "./views/notices.js";
import { Patches } from "./views/patches.js";
import { Player } from "./views/player.js";
import { Status } from "./views/status.js";
import { Training } from "./views/training.js";

/** Views by the place that is theirs in the page (`data-view`). */
const views: Record<string, View> = {
  library: Library,
  listen: Player,
  training: Training,
  losses: Losses,
  patches: Patches,
  attention: Attention,
  status: Status,
};

/** Views that load when they come near the screen. */
const later: Record<string, () => Promise<View>> = {
  map: async () => (await import("./views/map.js")).EmbeddingMapView,
  neighbours: async () => (await import("./views/neighbours.js")).Neighbours,
  finetune: async () => (await import("./views/finetune.js")).FineTune,
  microphone: async () => (await import("./views/microphone.js")).Microphone,
};

/** What an address may ask for: `?preset=small&adapter=swiftshader`, and `?begin=random` for random weights. */
function wishes(): Parameters<Calls["open"]>[0] {
  const query = new URLSearchParams(location.search);
  return {
    preset: query.get("preset") ?? "demo",
    adapter: query.get("adapter") ?? undefined,
    begin: query.get("begin") === "random" ? "random" : "released",
  };
}

/** Starts the page on an engine. */
export function startPage(engine: Engine): App {
  const notices = createNotices();
  for (const [id, kind] of [
    ["notices", "info"],
    ["alerts", "error"],
  ] as const) {
    byId(id).replaceChildren(); // what stood there for browsers that cannot run this
    render(h(NoticeList, { notices, kind }), byId(id));
  }
  const playing: App["playing"] = signal<{ clip: string; from: number; to?: number } | undefined>(undefined);
  const playback = createPlayback(playing, (clip) => samplesOf(app, clip));
  const app: App = {
    engine,
    clips: signal<readonly ClipInfo[]>([]),
    model: signal<ModelInfo | undefined>(undefined),
    offered: signal<OfferedModel | undefined>(undefined),
    adapter: signal<AdapterInfo | undefined>(undefined),
    training: signal<TrainingState>({ status: "idle", step: 0, steps: 0 }),
    selected: signal<{ clip: string; startFrame: number } | undefined>(undefined),
    playing,
    play: (place) => playback.play(place).catch(fail(app)),
    stop: playback.stop,
    position: playback.position,
    say: notices.say,
  };

  engine.on("training", (state) => (app.training.value = state));
  engine.on("problem", ({ message, advice }) => app.say(`${message} ${advice}`.trim(), "error"));
  engine.on("checked", ({ line }) => app.say(`Kernels: ${line}.`));
  engine.on("lost", ({ reason }) => {
    app.adapter.value = undefined;
    notices.hold("lost", `The GPU was lost: ${sentence(reason)} Opening it again; your clips are kept.`);
  });
  engine.on("recovered", ({ adapter, step }) => {
    app.adapter.value = adapter;
    notices.release("lost");
    app.say(`Recovered on ${adapter.name}. The model is at step ${step}.`);
  });

  keepSelectionValid(app);
  keepCropWithin(app);
  for (const [name, view] of Object.entries(views)) mount(name, view, app);
  for (const [name, load] of Object.entries(later)) mountLater(name, load, app);
  followSections();

  let lostAtOpening = 0;
  let opening = false;
  engine.on("progress", ({ what, done, total }) => {
    if (!opening || total <= 0 || done >= total) return;
    notices.hold("open", `Opening the GPU, ${what}: ${bytesText(done)} of ${bytesText(total)}`, "info");
  });
  const open = async () => {
    notices.hold("open", "Opening the GPU…", "info");
    opening = true;
    try {
      const opened = await engine.call("open", wishes());
      notices.release("open");
      app.offered.value = opened.offered;
      app.adapter.value = opened.adapter;
      app.model.value = opened.model;
      app.clips.value = opened.clips;
      if (app.training.value.step === 0 && opened.model.step > 0) {
        const { step, pretrain } = opened.model;
        app.training.value = { status: "paused", step, steps: Math.max(step, pretrain.steps) };
      }
      const { saved, model } = opened;
      if (saved.step !== undefined) app.say(`Your earlier visit was taken up at step ${saved.step}.`);
      else if (model.released)
        app.say(`The released model ${model.released} is loaded: add music to see what it hears.`);
    } catch (error) {
      const lost = error instanceof Error && error.name === "DeviceLostError";
      if (lost && lostAtOpening++ < 2) {
        setTimeout(() => void open(), 1000); // a driver that is just being reset
        return;
      }
      const text = lost
        ? "The GPU was lost again and again while it was opened: close other pages that use it, or restart the browser."
        : error instanceof Error
          ? error.message
          : String(error);
      notices.hold("open", text, "error", { label: "Try again", run: () => void open() });
    } finally {
      opening = false;
    }
  };
  void open();
  return app;
}

function placeOf(name: string): HTMLElement {
  const place = document.querySelector<HTMLElement>(`[data-view=${name}]`);
  if (!place) throw new Error(`The page has no place for the view ${name}.`);
  return place;
}

function mount(name: string, view: View, app: App): void {
  render(h(view, { app }), placeOf(name));
}

function mountLater(name: string, load: () => Promise<View>, app: App): void {
  const end = followVisibility(
    byId(name),
    (visible) => {
      if (!visible) return;
      end();
      load().then((view) => mount(name, view, app), fail(app));
    },
    "600px",
  );
}

/** The first clip is looked at until another is chosen; a removed one is not. */
function keepSelectionValid(app: App): void {
  let known = new Set<string>();
  app.clips.subscribe((clips) => {
    const now = new Set(clips.map((clip) => clip.id));
    for (const id of known) if (!now.has(id)) forgetMedia(app, id);
    known = now;
    const selected = app.selected.value;
    if (app.playing.value && !now.has(app.playing.value!.clip)) app.stop();
    if (selected && now.has(selected.clip)) return;
    const first = clips[0];
    if (first) app.selected.value = { clip: first.id, startFrame: 0 };
    else if (selected) app.selected.value = undefined;
  });
}

/** A model with longer crops may need the crop to begin earlier. */
function keepCropWithin(app: App): void {
  app.model.subscribe((info) => {
    const selected = app.selected.value;
    const clip = app.clips.value.find(({ id }) => id === selected?.clip);
    if (!info || !selected || !clip) return;
    const last = Math.max(0, clip.frames - info.model.cropFrames);
    if (selected.startFrame > last) app.selected.value = { clip: clip.id, startFrame: last };
  });
}

/** Marks in the navigation which section is being read. */
function followSections(): void {
  const links = new Map<string, HTMLAnchorElement>();
  for (const link of document.querySelectorAll<HTMLAnchorElement>("nav a[href^='#']")) {
    links.set(link.hash.slice(1), link);
  }
  // A band near the top of the screen; beside each other, the later section is the one that scrolls.
  const inBand = new Set<string>();
  const observer = new IntersectionObserver(
    (entries) => {
      for (const { target, isIntersecting } of entries) {
        if (isIntersecting) inBand.add(target.id);
        else inBand.delete(target.id);
      }
      const current = [...links.keys()].findLast((id) => inBand.has(id));
      for (const [id, link] of links) {
        if (id === current) link.setAttribute("aria-current", "true");
        else link.removeAttribute("aria-current");
      }
    },
    { rootMargin: "-16% 0px -80% 0px" },
  );
  for (const id of links.keys()) observer.observe(byId(id));
}

function sentence(text: string): string {
  const trimmed = text.trim();
  return /[.!?]$/.test(trimmed) ? trimmed : `${trimmed}.`;
}
