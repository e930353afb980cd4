// The words at the point under the pointer: the clip's name, the window's times, the label.
import type { App } from "../app.js";
import { clock, h } from "../dom.js";
import type { MapPoint } from "../protocol.js";
import { clipOf } from "./nearest.js";

export interface Tip {
  element: HTMLElement;
  name(place: MapPoint): void;
  /** Beside a place of the picture, within it; undefined hides it. */
  place(at: { x: number; y: number } | undefined, size: { width: number; height: number }): void;
}

export function mapTip(app: App): Tip {
  const element = h("div", { class: "map-tip", hidden: true });
  return {
    element,
    name({ clip: id, from, to }) {
      const clip = clipOf(app, id);
      element.replaceChildren(
        h("strong", {}, clip?.name ?? "a removed clip"),
        h("span", {}, `${clock(from)} to ${clock(to)}${clip?.label ? ` · ${clip.label}` : ""}`),
      );
    },
    place(at, { width, height }) {
      element.hidden = at === undefined;
      if (!at) return;
      const { offsetWidth: wide, offsetHeight: high } = element;
      const x = Math.min(width - wide - 6, Math.max(6, at.x - wide / 2));
      const above = at.y - high - 14;
      const y = above > 4 ? above : Math.min(height - high - 4, at.y + 16);
      element.style.transform = `translate(${Math.round(x)}px, ${Math.round(y)}px)`;
    },
  };
}
