// Neighbours of a window: one question to the worker for all views that ask the same at the same state of the model, and the list
// that shows them with bars and play buttons.
import { type App, type Place, weightsKey } from "../app.js";
import { clock, h, icon } from "../dom.js";
import type { ClipInfo, Neighbour } from "../protocol.js";

interface Asked {
  key: string;
  answer: Promise<Neighbour[]>;
}

const asked = new WeakMap<App, Asked>();

/** Nearest windows of other clips; asked once for a window, a count and the weights in use. */
export function nearestTo(app: App, clip: string, from: number, count: number): Promise<Neighbour[]> {
  const others = app.clips.get().map((each) => each.id);
  const key = JSON.stringify([clip, from.toFixed(3), count, weightsKey(app), others]);
  const known = asked.get(app);
  if (known?.key === key) return known.answer;
  const answer = app.engine.call("neighbours", clip, from, count);
  asked.set(app, { key, answer });
  answer.catch(() => {
    if (asked.get(app)?.answer === answer) asked.delete(app);
  });
  return answer;
}

/** Seconds of a frame of a clip, and back. */
export function secondsOf(app: App, clip: ClipInfo | undefined, frame: number): number {
  return frame * hop(app, clip);
}

export function frameOf(app: App, clip: ClipInfo | undefined, seconds: number): number {
  return Math.round(seconds / hop(app, clip));
}

function hop(app: App, clip: ClipInfo | undefined): number {
  const frontEnd = app.model.get()?.model.frontEnd;
  if (frontEnd) return frontEnd.hopLength / frontEnd.sampleRate;
  return clip && clip.frames > 0 ? clip.seconds / clip.frames : 0.032;
}

export function clipOf(app: App, id: string): ClipInfo | undefined {
  return app.clips.get().find((clip) => clip.id === id);
}

/** "Piece 3, 0:04 to 0:08" */
export function placeName(app: App, place: { clip: string; from: number; to: number }): string {
  return `${clipOf(app, place.clip)?.name ?? "a removed clip"}, ${clock(place.from)} to ${clock(place.to)}`;
}

/** A button that plays a place and stops it; it shows which of the two it would do. Call `follow` once it is in the page. */
export function playButton(app: App, place: Place & { to: number }): HTMLButtonElement {
  const button = h("button", { type: "button", class: "play-button" });
  button.addEventListener("click", () => {
    if (sounds(app, place)) app.stop();
    else void app.play(place);
  });
  showPlay(app, button, place);
  return button;
}

/** Which place a button plays, so that a list can bring all of them up to date at once. */
const places = new WeakMap<HTMLButtonElement, Place & { to: number }>();

function showPlay(app: App, button: HTMLButtonElement, place: Place & { to: number }): void {
  places.set(button, place);
  const yes = sounds(app, place);
  button.replaceChildren(icon(yes ? "stop" : "play"));
  button.setAttribute("aria-label", `${yes ? "Stop" : "Play"} ${placeName(app, place)}`);
}

export function sounds(app: App, place: Place): boolean {
  const now = app.playing.get();
  return now?.clip === place.clip && Math.abs(now.from - place.from) < 0.02;
}

/** Brings the play buttons below an element up to date. */
export function refreshPlayButtons(app: App, root: HTMLElement): void {
  for (const button of root.querySelectorAll<HTMLButtonElement>("button.play-button")) {
    const place = places.get(button);
    if (place) showPlay(app, button, place);
  }
}

/** Neighbours, nearest first: play, name and time as a button that chooses the window, and the similarity as bar and number. */
export function neighbourList(
  app: App,
  neighbours: readonly Neighbour[],
  label: string,
  choose: (neighbour: Neighbour) => void,
): HTMLOListElement {
  const items = neighbours.map((each) => {
    const clip = clipOf(app, each.clip);
    const share = Math.max(0, Math.min(1, each.similarity));
    const bar = h("span", { class: "similarity-bar", "aria-hidden": "true" }, h("i", {}));
    (bar.firstElementChild as HTMLElement).style.width = `${(100 * share).toFixed(1)}%`;
    const name = h(
      "button",
      { type: "button", class: "neighbour-name", onclick: () => choose(each) },
      h("span", {}, clip?.name ?? "a removed clip"),
      h("small", {}, `${clock(each.from)} to ${clock(each.to)}${clip?.label ? ` · ${clip.label}` : ""}`),
    );
    return h(
      "li",
      {},
      playButton(app, each),
      name,
      h(
        "span",
        { class: "similarity", title: "Cosine similarity of the centred vectors" },
        bar,
        h("span", { class: "sr-only" }, "similarity "),
        each.similarity.toFixed(2),
      ),
    );
  });
  return h("ol", { class: "neighbour-list", "aria-label": label }, ...items);
}
