// The map's points as a list: clips with their colour, each opening to its windows. It is the legend, and the way to every point
// without a pointer.
import { clock, h } from "../dom.js";
import type { ClipInfo } from "../protocol.js";
import type { Atlas, Category } from "./atlas.js";
import { cssColour } from "./colours.js";

/** More clips than this are found by the filter. */
const MOST = 120;

export interface ClipListOptions {
  choose(point: number): void;
  /** The pointer or the focus is on a clip, or on none. */
  light(clip: string | undefined): void;
}

export interface ClipList {
  element: HTMLElement;
  show(atlas: Atlas | undefined, clips: readonly ClipInfo[], ofClip: Map<string, Category>): void;
  /** Marks the chosen point. */
  mark(point: number): void;
}

export function clipList({ choose, light }: ClipListOptions): ClipList {
  const filter = h("input", {
    type: "search",
    placeholder: "Find a clip",
    "aria-label": "Find a clip in the map",
  });
  const list = h("ul", { class: "map-clips", "aria-label": "Clips in the map" });
  const more = h("p", { class: "hint", hidden: true });
  const element = h("div", { class: "map-list" }, filter, list, more);
  let atlas: Atlas | undefined;
  let clips: readonly ClipInfo[] = [];
  let ofClip = new Map<string, Category>();
  let marked = -1;
  const open = new Set<string>();

  function windows(id: string): HTMLElement {
    const buttons = (atlas?.byClip.get(id) ?? []).map((point) => {
      const { from, to } = atlas!.points[point];
      const button = h(
        "button",
        {
          type: "button",
          "data-point": point,
          "aria-pressed": String(point === marked),
          onclick: () => choose(point),
        },
        clock(from),
      );
      button.setAttribute("aria-label", `${clock(from)} to ${clock(to)}`);
      return h("li", {}, button);
    });
    return h("ul", { class: "map-windows" }, ...buttons);
  }

  function row(clip: ClipInfo): HTMLLIElement {
    const category = ofClip.get(clip.id);
    const swatch = h("i", { class: "swatch", "aria-hidden": "true" });
    if (category) swatch.style.background = cssColour(category.colour);
    const count = atlas?.byClip.get(clip.id)?.length ?? 0;
    const details = h(
      "details",
      {},
      h(
        "summary",
        {},
        swatch,
        h("span", { class: "map-clip-name" }, clip.name),
        h("small", {}, [clip.label, String(count)].filter(Boolean).join(" · ")),
      ),
    );
    details.addEventListener("toggle", () => {
      if (details.open) open.add(clip.id);
      else open.delete(clip.id);
      details.querySelector("ul")?.remove();
      if (details.open) details.append(windows(clip.id));
    });
    details.open = open.has(clip.id);
    const item = h("li", {}, details);
    item.addEventListener("pointerenter", () => light(clip.id));
    item.addEventListener("pointerleave", () => light(undefined));
    item.addEventListener("focusin", () => light(clip.id));
    item.addEventListener("focusout", () => light(undefined));
    return item;
  }

  function draw(): void {
    const wanted = filter.value.trim().toLowerCase();
    const inMap = clips.filter((clip) => atlas?.byClip.has(clip.id));
    const found = inMap.filter(
      (clip) => wanted === "" || `${clip.name} ${clip.label ?? ""}`.toLowerCase().includes(wanted),
    );
    const shown = found.slice(0, MOST);
    list.replaceChildren(...shown.map(row));
    filter.hidden = inMap.length < 8;
    more.hidden = shown.length === found.length && found.length > 0;
    more.textContent =
      found.length === 0
        ? "No clip in the map has that name."
        : `${found.length - shown.length} more: type a part of a name.`;
    if (inMap.length === 0) more.hidden = true;
  }

  filter.addEventListener("input", draw);
  return {
    element,
    show(nextAtlas, nextClips, nextOfClip) {
      [atlas, clips, ofClip] = [nextAtlas, nextClips, nextOfClip];
      // The focus stays where it was.
      const focused = list.contains(document.activeElement)
        ? [...list.querySelectorAll("summary, button")].indexOf(document.activeElement as Element)
        : -1;
      draw();
      if (focused >= 0) [...list.querySelectorAll<HTMLElement>("summary, button")][focused]?.focus();
    },
    mark(point) {
      marked = point;
      for (const button of list.querySelectorAll<HTMLElement>("button[data-point]")) {
        button.setAttribute("aria-pressed", String(Number(button.dataset.point) === point));
      }
    },
  };
}
