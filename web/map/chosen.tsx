// Beside the map: which window is chosen, and its nearest windows of other clips. Not the drawing of the links between them.
import { useSignal } from "@preact/signals";
import type { VNode } from "preact";
import { useEffect } from "preact/hooks";
import type { App } from "../app.js";
import { messageOf } from "../dom.js";
import type { MapPoint, Neighbour } from "../protocol.js";
import { nearestTo, placeName } from "./nearest.js";
import { NeighbourList } from "./nearest-list.js";

const COUNT = 6;

/** `found` gets the neighbours when they have come, `choose` the one that a person goes to. */
export function ChosenPanel(props: {
  app: App;
  place: MapPoint | undefined;
  found: (neighbours: readonly Neighbour[]) => void;
  choose: (neighbour: Neighbour) => void;
}): VNode {
  const { app, place, found, choose } = props;
  const answer = useSignal<readonly Neighbour[] | undefined>(undefined);
  const problem = useSignal("");
  const alone = app.clips.value.length < 2;
  useEffect(() => {
    answer.value = undefined;
    problem.value = "";
    if (!place || alone) return;
    let still = true;
    nearestTo(app, place.clip, place.from, COUNT).then(
      (neighbours) => {
        if (!still) return;
        answer.value = neighbours;
        found(neighbours);
      },
      (error) => {
        if (still) problem.value = messageOf(error);
      },
    );
    return () => {
      still = false;
    };
  }, [place, alone]);
  const hint = !place
    ? "Click a point, or choose one in the list."
    : alone
      ? "Neighbours are windows of other clips: add a second clip."
      : problem.value;
  return (
    <div class="map-chosen">
      <h3>{place ? placeName(app, place) : "No window is chosen"}</h3>
      <div class="map-near">
        {hint && <p class="hint">{hint}</p>}
        {!hint && answer.value && (
          <NeighbourList
            app={app}
            neighbours={answer.value}
            label="Nearest windows of other clips"
            choose={choose}
          />
        )}
      </div>
    </div>
  );
}
