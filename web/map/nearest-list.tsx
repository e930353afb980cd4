// Neighbours as a list: play, name and time as a button that chooses the window, and the similarity as bar and number.
import type { VNode } from "preact";
import type { App, Place } from "../app.js";
import { clock } from "../dom.js";
import type { Neighbour } from "../protocol.js";
import { Icon } from "../ui.js";
import { clipOf, placeName, sounds } from "./nearest.js";

/** Plays a place and stops it; it shows which of the two it would do. */
export function PlaceButton({ app, place }: { app: App; place: Place & { to: number } }): VNode {
  const yes = sounds(app, place);
  return (
    <button
      type="button"
      class="play-button"
      aria-label={`${yes ? "Stop" : "Play"} ${placeName(app, place)}`}
      onClick={() => {
        if (sounds(app, place)) app.stop();
        else void app.play(place);
      }}
    >
      <Icon name={yes ? "stop" : "play"} />
    </button>
  );
}

/** Windows, nearest first. */
export function NeighbourList(props: {
  app: App;
  neighbours: readonly Neighbour[];
  label: string;
  choose: (neighbour: Neighbour) => void;
}): VNode {
  const { app, neighbours, label, choose } = props;
  return (
    <ol class="neighbour-list" aria-label={label}>
      {neighbours.map((each) => (
        <li key={`${each.clip} ${each.from}`}>
          <PlaceButton app={app} place={each} />
          <button type="button" class="neighbour-name" onClick={() => choose(each)}>
            <span>{clipOf(app, each.clip)?.name ?? "a removed clip"}</span>
            <small>{timesOf(app, each)}</small>
          </button>
          <span class="similarity" title="Cosine similarity of the centred vectors">
            <ShareBar share={each.similarity} />
            <span class="sr-only">similarity </span>
            {each.similarity.toFixed(2)}
          </span>
        </li>
      ))}
    </ol>
  );
}

/** A share of 0 to 1 as a bar, for those who see it: the number stands beside it. */
export function ShareBar({ share }: { share: number }): VNode {
  return (
    <span class="similarity-bar" aria-hidden="true">
      <i style={{ width: `${(100 * Math.max(0, Math.min(1, share))).toFixed(1)}%` }} />
    </span>
  );
}

/** A window's times and its clip's label. */
export function timesOf(app: App, { clip, from, to }: Place & { to: number }): string {
  const label = clipOf(app, clip)?.label;
  return `${clock(from)} to ${clock(to)}${label ? ` · ${label}` : ""}`;
}
