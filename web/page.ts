// Puts the page together: what the views share, the views, and what the worker says. It is given the worker (or anything that
// answers like it), so that tests can run the page alone. Not here: what a view shows.
import { type App, type Engine, signal, type View } from "./app.js";
import { byId, bytesText, fail, followVisibility } from "./dom.js";
import { forgetMedia, samplesOf } from "./media.js";
import { createPlayback } from "./playback.js";
import type { AdapterInfo, Calls, ClipInfo, ModelInfo, OfferedModel, TrainingState } from "./protocol.js";
import { attention } from "./views/attention.js";
import { library } from "./views/library.js";
import { losses } from "./views/losses.js";
import { createNotices } from "./views/notices.js";
import { patches } from "./views/patches.js";
import { player } from "./views/player.js";
import { status } from "./views/status.js";
import { training } from "./views/training.js";

/** Views that load when they come near the screen. */
const later: Record<string, () => Promise<View>> = {
  map: async () => (await import("./views/map.js")).map,
  neighbours: async () => (await import("./views/neighbours.js")).neighbours,
  finetune: async () => (await import("./views/finetune.js")).finetune,
  microphone: async () => (await import("./views/microphone.js")).microphone,
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
  const notices = createNotices(byId("notices"), byId("alerts"));
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

  engine.on("training", (state) => app.training.set(state));
  engine.on("problem", ({ message, advice }) => app.say(`${message} ${advice}`.trim(), "error"));
  engine.on("checked", ({ line }) => app.say(`Kernels: ${line}.`));
  engine.on("lost", ({ reason }) => {
    app.adapter.set(undefined);
    notices.hold("lost", `The GPU was lost: ${sentence(reason)} Opening it again; your clips are kept.`);
  });
  engine.on("recovered", ({ adapter, step }) => {
    app.adapter.set(adapter);
    notices.release("lost");
    app.say(`Recovered on ${adapter.name}. The model is at step ${step}.`);
  });

  keepSelectionValid(app);
  keepCropWithin(app);
  const eager: [string, View][] = [
    ["library", library],
    ["listen", player],
    ["training", training],
    ["losses", losses],
    ["patches", patches],
    ["attention", attention],
    ["status", status],
  ];
  for (const [id, view] of eager) mount(id, view, app);
  for (const [id, load] of Object.entries(later)) mountLater(id, load, app);
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
      app.offered.set(opened.offered);
      app.adapter.set(opened.adapter);
      app.model.set(opened.model);
      app.clips.set(opened.clips);
      if (app.training.get().step === 0 && opened.model.step > 0) {
        const { step, pretrain } = opened.model;
        app.training.set({ status: "paused", step, steps: Math.max(step, pretrain.steps) });
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

function mount(id: string, view: View, app: App): void {
  const section = byId(id);
  view(section.querySelector<HTMLElement>(":scope > .view") ?? section, app);
}

function mountLater(id: string, load: () => Promise<View>, app: App): void {
  const section = byId(id);
  let begun = false;
  followVisibility(
    section,
    (visible) => {
      if (!visible || begun) return;
      begun = true;
      load().then((view) => mount(id, view, app), fail(app));
    },
    "600px",
  );
}

/** The first clip is looked at until another is chosen; a removed one is not. */
function keepSelectionValid(app: App): void {
  let known = new Set<string>();
  app.clips.follow((clips) => {
    const now = new Set(clips.map((clip) => clip.id));
    for (const id of known) if (!now.has(id)) forgetMedia(app, id);
    known = now;
    const selected = app.selected.get();
    if (app.playing.get() && !now.has(app.playing.get()!.clip)) app.stop();
    if (selected && now.has(selected.clip)) return;
    const first = clips[0];
    if (first) app.selected.set({ clip: first.id, startFrame: 0 });
    else if (selected) app.selected.set(undefined);
  });
}

/** A model with longer crops may need the crop to begin earlier. */
function keepCropWithin(app: App): void {
  app.model.follow((info) => {
    const selected = app.selected.get();
    const clip = app.clips.get().find(({ id }) => id === selected?.clip);
    if (!info || !selected || !clip) return;
    const last = Math.max(0, clip.frames - info.model.cropFrames);
    if (selected.startFrame > last) app.selected.set({ clip: clip.id, startFrame: last });
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
