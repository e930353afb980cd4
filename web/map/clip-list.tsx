// The map's points as a list: clips with their colour, each opening to its windows. It is the legend, and the way to every point
// without a pointer.
import { useSignal } from "@preact/signals";
import type { VNode } from "preact";
import { clock } from "../dom.js";
import type { ClipInfo } from "../protocol.js";
import type { Atlas, Category } from "./atlas.js";
import { cssColour } from "./colours.js";

/** More clips than this are found by the filter. */
const MOST = 120;
/** Fewer clips need no filter. */
const FEW = 8;

export interface ClipListProps {
  atlas: Atlas | undefined;
  clips: readonly ClipInfo[];
  ofClip: ReadonlyMap<string, Category>;
  /** The chosen point. */
  chosen: number;
  choose: (point: number) => void;
  /** The pointer or the focus is on a clip, or on none. */
  light: (clip: string | undefined) => void;
}

export function ClipList(props: ClipListProps): VNode {
  const { atlas, clips } = props;
  const filter = useSignal("");
  const wanted = filter.value.trim().toLowerCase();
  const inMap = clips.filter((clip) => atlas?.byClip.has(clip.id));
  const found = inMap.filter((clip) => `${clip.name} ${clip.label ?? ""}`.toLowerCase().includes(wanted));
  const shown = found.slice(0, MOST);
  return (
    <div class="map-list">
      <input
        type="search"
        placeholder="Find a clip"
        aria-label="Find a clip in the map"
        hidden={inMap.length < FEW}
        onInput={(event) => {
          filter.value = event.currentTarget.value;
        }}
      />
      <ul class="map-clips" aria-label="Clips in the map">
        {shown.map((clip) => (
          <ClipItem key={clip.id} {...props} clip={clip} />
        ))}
      </ul>
      <p class="hint" hidden={inMap.length === 0 || (found.length > 0 && shown.length === found.length)}>
        {found.length === 0
          ? "No clip in the map has that name."
          : `${found.length - shown.length} more: type a part of a name.`}
      </p>
    </div>
  );
}

function ClipItem(props: ClipListProps & { clip: ClipInfo }): VNode {
  const { atlas, ofClip, chosen, choose, light, clip } = props;
  const open = useSignal(false);
  const points = atlas?.byClip.get(clip.id) ?? [];
  const category = ofClip.get(clip.id);
  const on = () => light(clip.id);
  const off = () => light(undefined);
  return (
    <li onPointerEnter={on} onPointerLeave={off} onFocusIn={on} onFocusOut={off}>
      <details
        onToggle={(event) => {
          open.value = event.currentTarget.open;
        }}
      >
        <summary>
          <Swatch category={category} />
          <span class="map-clip-name">{clip.name}</span>
          <small>{[clip.label, String(points.length)].filter(Boolean).join(" · ")}</small>
        </summary>
        {open.value && (
          <ul class="map-windows">
            {points.map((point) => (
              <Window key={point} atlas={atlas!} point={point} chosen={point === chosen} choose={choose} />
            ))}
          </ul>
        )}
      </details>
    </li>
  );
}

function Window(props: {
  atlas: Atlas;
  point: number;
  chosen: boolean;
  choose: (point: number) => void;
}): VNode {
  const { point, chosen, choose } = props;
  const { from, to } = props.atlas.points[point];
  return (
    <li>
      <button
        type="button"
        data-point={point}
        aria-pressed={chosen}
        aria-label={`${clock(from)} to ${clock(to)}`}
        onClick={() => choose(point)}
      >
        {clock(from)}
      </button>
    </li>
  );
}

/** The colour of a clip or a label. */
export function Swatch({ category }: { category: Category | undefined }): VNode {
  return (
    <i
      class="swatch"
      aria-hidden="true"
      style={category ? { background: cssColour(category.colour) } : undefined}
    />
  );
}
