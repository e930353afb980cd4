// Beside the map: which window is chosen, and its nearest windows of other clips. Not the drawing of the links between them.
import type { App } from "../app.js";
import { h, messageOf } from "../dom.js";
import type { MapPoint, Neighbour } from "../protocol.js";
import { nearestTo, neighbourList, placeName } from "./nearest.js";

const COUNT = 6;

export interface ChosenPanel {
  element: HTMLElement;
  /** Shows a window, or that none is chosen. */
  show(place: MapPoint | undefined): void;
}

/** `found` gets the neighbours when they have come, `choose` the one that a person goes to. */
export function chosenPanel(
  app: App,
  found: (neighbours: readonly Neighbour[]) => void,
  choose: (neighbour: Neighbour) => void,
): ChosenPanel {
  const title = h("h3", {});
  const list = h("div", { class: "map-near" });
  const hint = (text: string) => list.replaceChildren(h("p", { class: "hint" }, text));
  let shown: MapPoint | undefined;
  function show(place: MapPoint | undefined): void {
    shown = place;
    title.textContent = place ? placeName(app, place) : "No window is chosen";
    if (!place) hint("Click a point, or choose one in the list.");
    else if (app.clips.get().length < 2) hint("Neighbours are windows of other clips: add a second clip.");
    else {
      nearestTo(app, place.clip, place.from, COUNT).then(
        (neighbours) => {
          if (shown !== place) return;
          list.replaceChildren(neighbourList(app, neighbours, "Nearest windows of other clips", choose));
          found(neighbours);
        },
        (error) => {
          if (shown === place) hint(messageOf(error));
        },
      );
    }
  }
  show(undefined);
  return { element: h("div", { class: "map-chosen" }, title, list), show };
}
