// The library: clips with their lengths, what a person calls them, and how they come and go (files, folders, dropping, demo
// music). Decoding is the worker's.
import type { App, View } from "../app.js";
import { clock, fail, h, icon } from "../dom.js";
import type { ClipInfo } from "../protocol.js";
import { followDrops } from "./library-drop.js";
import { followProgress } from "./library-progress.js";

const sound = /\.(wav|flac|mp3|ogg|oga|opus|au|snd)$/i;
const accept = ".wav,.flac,.mp3,.ogg,.oga,.opus,.au,.snd,audio/*";

const freshMs = 60;

export const library: View = (root, app) => {
  const files = h("input", {
    type: "file",
    multiple: true,
    accept,
    class: "sr-only",
    tabindex: -1,
    "aria-label": "Audio files",
  });
  const folder = h("input", {
    type: "file",
    multiple: true,
    webkitdirectory: true,
    class: "sr-only",
    tabindex: -1,
    "aria-label": "A folder of audio files",
  });
  for (const input of [files, folder]) {
    input.addEventListener("change", () => {
      void add([...(input.files ?? [])], input === folder);
      input.value = "";
    });
  }
  const demo = h(
    "button",
    { type: "button", class: "primary", onclick: () => void addDemo() },
    "Load demo music",
  );
  const pickFiles = h("button", { type: "button", onclick: () => files.click() }, "Add files");
  const pickFolder = h("button", { type: "button", onclick: () => folder.click() }, "Add folder");
  const list = h("ul", { class: "clips", "aria-label": "Clips" });
  const empty = h(
    "p",
    { class: "empty" },
    h("strong", {}, "Drop music anywhere on this page."),
    " Files or whole folders of WAV, FLAC, MP3, Ogg, Opus or AU. Nothing leaves this tab.",
  );
  const summary = h("p", { class: "hint summary", "aria-live": "polite" });
  const refused = h("details", { class: "refused", hidden: true });
  const suggestions = h("datalist", { id: "clip-labels" });
  root.append(
    h("div", { class: "sources" }, demo, pickFiles, pickFolder, files, folder),
    followProgress(app),
    empty,
    summary,
    list,
    suggestions,
    refused,
  );

  const waiting: File[] = [];
  let working: Promise<void> | undefined;

  /** Takes files; those of a folder that are no audio by their name are passed over in silence. */
  async function add(given: File[], fromFolder: boolean): Promise<void> {
    const chosen = fromFolder ? given.filter((file) => sound.test(file.name)) : given;
    if (chosen.length === 0) {
      if (given.length > 0) {
        app.say("That folder holds no WAV, FLAC, MP3, Ogg, Opus or AU files: choose another.", "error");
      }
      return;
    }
    waiting.push(...chosen);
    working ??= work().finally(() => {
      working = undefined;
    });
    await working;
  }

  /** One call after the other; without an adapter the files wait until there is one. */
  async function work(): Promise<void> {
    while (waiting.length > 0) {
      if (!app.adapter.get()) {
        app.say(
          waiting.length === 1 ? "1 file waits for the GPU." : `${waiting.length} files wait for the GPU.`,
        );
        await adapterReady(app);
      }
      const now = waiting.splice(0);
      try {
        showRefused((await app.engine.call("addFiles", now)).refused);
      } catch (error) {
        fail(app)(error);
      }
    }
  }

  async function addDemo(): Promise<void> {
    demo.disabled = true;
    try {
      await app.engine.call("addDemo");
    } catch (error) {
      fail(app)(error);
    } finally {
      demo.disabled = !app.adapter.get();
    }
  }

  // Clips come one by one, while the call that adds them goes on: the first can be heard and seen at once. Many that come fast are
  // shown together.
  let fresh: ClipInfo[] = [];
  app.engine.on("clip", (clip) => {
    if (fresh.push(clip) > 1) return;
    setTimeout(() => {
      const ids = new Set(fresh.map(({ id }) => id));
      const all = [...app.clips.get().filter(({ id }) => !ids.has(id)), ...fresh];
      fresh = [];
      app.clips.set(all);
    }, freshMs);
  });

  function showRefused(more: readonly { name: string; reason: string }[]): void {
    if (more.length === 0) return;
    const lines = refused.querySelector("ul") ?? h("ul");
    for (const { name, reason } of more) {
      const text = reason.startsWith(name) ? reason : `${name}: ${reason}`;
      lines.append(h("li", {}, text));
    }
    const count = lines.children.length;
    const clear = h(
      "button",
      { type: "button", class: "quiet", onclick: () => clearRefused() },
      "Clear list",
    );
    refused.replaceChildren(
      h("summary", {}, count === 1 ? "1 file could not be used" : `${count} files could not be used`),
      lines,
      clear,
    );
    refused.hidden = false;
    refused.open = true;
    const [{ name, reason }] = more;
    const first = reason.startsWith(name) ? reason : `${name}: ${reason}`;
    app.say(
      more.length === 1 ? first : `${first} (and ${more.length - 1} more, listed in the library)`,
      "error",
    );
  }

  function clearRefused(): void {
    refused.hidden = true;
    refused.replaceChildren();
  }

  followDrops((dropped) => void add(dropped.files, dropped.fromFolder), fail(app));

  const rows = new Map<string, Row>();
  app.clips.follow((clips) => {
    const now = new Set(clips.map((clip) => clip.id));
    for (const [id, row] of rows) {
      if (now.has(id)) continue;
      row.element.remove();
      rows.delete(id);
    }
    let before: Element | null = list.firstElementChild;
    for (const clip of clips) {
      let row = rows.get(clip.id);
      if (!row) {
        row = makeRow(clip, app);
        rows.set(clip.id, row);
      }
      row.update(clip);
      if (row.element === before) before = before.nextElementSibling;
      else list.insertBefore(row.element, before);
    }
    const seconds = clips.reduce((sum, clip) => sum + clip.seconds, 0);
    summary.textContent =
      clips.length === 0 ? "" : `${clips.length} ${clips.length === 1 ? "clip" : "clips"}, ${clock(seconds)}`;
    empty.hidden = clips.length > 0;
    list.hidden = clips.length === 0;
    demo.classList.toggle("primary", clips.length === 0);
    const labels = new Set(clips.flatMap((clip) => clip.label ?? []));
    suggestions.replaceChildren(...[...labels].map((label) => h("option", { value: label })));
  });
  app.selected.follow((selected) => {
    for (const [id, row] of rows) row.select(id === selected?.clip);
  });
  app.playing.follow((place) => {
    for (const [id, row] of rows) row.sound(id === place?.clip);
  });
  app.adapter.follow((adapter) => {
    demo.disabled = !adapter;
  });
};

interface Row {
  element: HTMLElement;
  update(clip: ClipInfo): void;
  select(yes: boolean): void;
  sound(yes: boolean): void;
}

function makeRow(first: ClipInfo, app: App): Row {
  let clip = first;
  const { id } = clip;
  const play = h("button", { type: "button", class: "round", onclick: () => toggle() });
  const name = h("button", { type: "button", class: "name", onclick: () => choose() });
  const length = h("span", { class: "hint" });
  const label = h("input", {
    type: "text",
    list: "clip-labels",
    placeholder: "label",
    maxlength: 40,
    autocomplete: "off",
    onchange: () => relabel(),
  });
  const remove = h("button", { type: "button", class: "quiet", onclick: () => void drop() }, icon("cross"));
  const about = h("div", { class: "about" }, length, label);
  const element = h("li", {}, play, name, about, remove);

  function choose(): void {
    if (app.selected.get()?.clip !== id) app.selected.set({ clip: id, startFrame: 0 });
  }
  function toggle(): void {
    if (app.playing.get()?.clip === id) {
      app.stop();
      return;
    }
    choose();
    void app.play({ clip: id, from: 0 });
  }
  function relabel(): void {
    const text = label.value.trim() || undefined;
    app.engine.call("label", id, text).then(() => {
      app.clips.set(app.clips.get().map((each) => (each.id === id ? { ...each, label: text } : each)));
    }, fail(app));
  }
  async function drop(): Promise<void> {
    try {
      await app.engine.call("removeClip", id);
      const neighbour = element.nextElementSibling ?? element.previousElementSibling;
      const focused = element.contains(document.activeElement);
      app.clips.set(app.clips.get().filter((each) => each.id !== id));
      if (focused) neighbour?.querySelector<HTMLElement>("button.name")?.focus();
    } catch (error) {
      fail(app)(error);
    }
  }

  const row: Row = {
    element,
    update(next) {
      if (next === clip && name.textContent) return;
      clip = next;
      name.textContent = clip.name;
      name.title = clip.name;
      length.textContent = clock(clip.seconds);
      if (document.activeElement !== label) label.value = clip.label ?? "";
      label.setAttribute("aria-label", `Label of ${clip.name}`);
      remove.setAttribute("aria-label", `Remove ${clip.name}`);
      row.sound(app.playing.get()?.clip === id);
      row.select(app.selected.get()?.clip === id);
    },
    select(yes) {
      element.classList.toggle("selected", yes);
      if (yes) name.setAttribute("aria-current", "true");
      else name.removeAttribute("aria-current");
    },
    sound(yes) {
      play.replaceChildren(icon(yes ? "stop" : "play"));
      play.setAttribute("aria-label", `${yes ? "Stop" : "Play"} ${clip.name}`);
    },
  };
  return row;
}

/** Resolves when there is an adapter. */
function adapterReady(app: App): Promise<void> {
  return new Promise((done) => {
    const end = app.adapter.follow((adapter) => {
      if (!adapter) return;
      queueMicrotask(() => end());
      done();
    });
  });
}
