// What sounds like the chosen window, and "Find music like this": the library's nearest windows to any audio file, which is not
// kept. The comparing is the worker's.
import type { View } from "../app.js";
import { clock, followVisibility, h, messageOf } from "../dom.js";
import { clipOf, frameOf, nearestTo, neighbourList, refreshPlayButtons, secondsOf } from "../map/nearest.js";
import type { Neighbour } from "../protocol.js";

const COUNT = 10;
/** Milliseconds of rest before the worker is asked: a person walks through windows faster than that. */
const REST = 180;

export const neighbours: View = (root, app) => {
  const title = h("h3", {}, "Like the chosen window");
  const answer = h("div", { class: "neighbours-answer", "aria-live": "polite" });
  const input = h("input", {
    type: "file",
    accept: ".wav,.flac,.mp3,.ogg,.oga,.opus,.au,.snd,audio/*",
    class: "sr-only",
    tabindex: -1,
    "aria-label": "An audio file to compare with",
  });
  const choose = h("button", { type: "button", onclick: () => input.click() }, "Choose an audio file");
  const place = h(
    "div",
    { class: "similar-drop" },
    h(
      "p",
      {},
      h("strong", {}, "Drop a clip here"),
      " and hear what in the library comes nearest. It is compared and forgotten.",
    ),
    choose,
    input,
  );
  const found = h("div", { class: "neighbours-answer", "aria-live": "polite" });
  root.classList.add("neighbours-view");
  root.append(
    h("div", { class: "neighbours-part" }, title, answer),
    h("div", { class: "neighbours-part" }, h("h3", {}, "Find music like this"), place, found),
  );

  function select(neighbour: Neighbour): void {
    app.selected.set({
      clip: neighbour.clip,
      startFrame: frameOf(app, clipOf(app, neighbour.clip), neighbour.from),
    });
  }

  const words = (text: string) => h("p", { class: "hint" }, text);

  // Of the chosen window

  let visible = false;
  let timer = 0;
  let turn = 0;
  function ask(): void {
    clearTimeout(timer);
    const mine = ++turn;
    const selected = app.selected.get();
    const clip = selected && clipOf(app, selected.clip);
    if (!selected || !clip) {
      title.textContent = "Like the chosen window";
      answer.replaceChildren(words("Choose a clip in the library, or a point in the map."));
      return;
    }
    const from = secondsOf(app, clip, selected.startFrame);
    title.textContent = `Like ${clip.name} at ${clock(from)}`;
    if (app.clips.get().length < 2) {
      answer.replaceChildren(words("Neighbours are windows of other clips: add a second clip."));
      return;
    }
    if (!visible || !app.adapter.get()) return;
    timer = window.setTimeout(async () => {
      root.setAttribute("aria-busy", "true");
      try {
        const list = await nearestTo(app, selected.clip, from, COUNT);
        if (mine !== turn) return;
        answer.replaceChildren(
          list.length > 0
            ? neighbourList(app, list, `Windows like ${clip.name} at ${clock(from)}`, select)
            : words("No other clip is long enough to compare with."),
        );
      } catch (error) {
        if (mine === turn) answer.replaceChildren(words(messageOf(error)), again());
      } finally {
        if (mine === turn) root.removeAttribute("aria-busy");
      }
    }, REST);
  }
  function again(): HTMLButtonElement {
    return h("button", { type: "button", onclick: ask }, "Try again");
  }

  // Of a file

  let searching = 0;
  async function search(file: File | undefined): Promise<void> {
    if (!file) return;
    const mine = ++searching;
    if (app.clips.get().length === 0) {
      found.replaceChildren(words("The library is empty: add the music to search in first."));
      return;
    }
    found.replaceChildren(words(`Listening to ${file.name}…`));
    try {
      const list = await app.engine.call("similarTo", file, COUNT);
      if (mine !== searching) return;
      found.replaceChildren(
        words(
          list.length > 0 ? `Nearest to ${file.name}:` : `Nothing in the library compares with ${file.name}.`,
        ),
        neighbourList(app, list, `Windows like ${file.name}`, select),
      );
    } catch (error) {
      if (mine === searching) found.replaceChildren(words(messageOf(error)));
    }
  }
  input.addEventListener("change", () => {
    void search(input.files?.[0]);
    input.value = "";
  });
  // Dropped here, a file is compared; the page would take it into the library.
  for (const kind of ["dragenter", "dragover"] as const) {
    place.addEventListener(kind, (event) => {
      event.preventDefault();
      event.stopPropagation();
      place.classList.add("dragging");
    });
  }
  place.addEventListener("dragleave", (event) => {
    if (!place.contains(event.relatedTarget as Node | null)) place.classList.remove("dragging");
  });
  place.addEventListener("drop", (event) => {
    event.preventDefault();
    event.stopPropagation();
    place.classList.remove("dragging");
    void search(event.dataTransfer?.files[0]);
  });

  app.selected.follow(ask);
  app.clips.follow(ask);
  app.adapter.follow(ask);
  app.model.follow(ask); // another model's are others
  app.playing.follow(() => refreshPlayButtons(app, root));
  let running = app.training.get().status === "running";
  app.training.follow(({ status }) => {
    // After a training the neighbours are others.
    if (running && status !== "running") ask();
    running = status === "running";
  });
  followVisibility(root, (now) => {
    if (now === visible) return;
    visible = now;
    if (now) ask();
  });
};
