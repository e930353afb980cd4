// A map that was answered, made ready for drawing and asking: points by clip, by window, their classes and colours, and how a new
// map takes the place of an old one. No drawing, no DOM.
import type { ClipInfo, EmbeddingMap, MapPoint } from "../protocol.js";
import { align } from "./align.js";
import { categoryColour } from "./colours.js";
import type { Rgba } from "./scene.js";

export type ColourBy = "clip" | "label";

export interface Category {
  /** A clip's name or a label; undefined for clips without one. */
  name: string | undefined;
  colour: Rgba;
  points: number;
}

export class Atlas {
  readonly points: MapPoint[];
  readonly positions: Float32Array;
  readonly explained: number;
  readonly step: number;
  /** Point numbers of a clip, in the order of time. */
  readonly byClip = new Map<string, number[]>();
  private readonly byWindow = new Map<string, number>();

  /** `previous` gives the sides to which the axes point. */
  constructor(answer: EmbeddingMap, previous?: Atlas) {
    this.points = answer.points;
    this.explained = answer.explained;
    this.step = answer.step;
    for (const [i, { clip, from }] of answer.points.entries()) {
      const known = this.byClip.get(clip);
      if (known) known.push(i);
      else this.byClip.set(clip, [i]);
      this.byWindow.set(windowKey(clip, from), i);
    }
    for (const list of this.byClip.values()) list.sort((a, b) => this.points[a].from - this.points[b].from);
    this.positions = previous
      ? align(answer.positions, previous.positions, this.pairs(previous))
      : answer.positions;
  }

  /** Where each point of this map was in another one; where it was not, its own position. */
  positionsIn(previous: Atlas, shown: Float32Array): Float32Array {
    const start = Float32Array.from(this.positions);
    for (const [mine, theirs] of this.pairs(previous)) {
      start.set(shown.subarray(3 * theirs, 3 * theirs + 3), 3 * mine);
    }
    return start;
  }

  /** The point whose window holds a time of a clip, or the nearest; −1 where the clip has none. */
  pointAt(clip: string, seconds: number): number {
    const list = this.byClip.get(clip);
    if (!list) return -1;
    const exact = this.byWindow.get(windowKey(clip, seconds));
    if (exact !== undefined) return exact;
    let best = -1;
    let nearest = Number.POSITIVE_INFINITY;
    for (const i of list) {
      const { from, to } = this.points[i];
      // Windows may overlap: the one whose middle is nearest.
      const away = Math.abs((from + to) / 2 - seconds) + (seconds < from || seconds > to ? 1e3 : 0);
      if (away < nearest) {
        nearest = away;
        best = i;
      }
    }
    return best;
  }

  /** Colours [n, 4] and what they stand for, in the order of the clips. */
  colour(
    clips: readonly ClipInfo[],
    by: ColourBy,
    dark: boolean,
  ): { colours: Uint8Array; categories: Category[]; ofClip: Map<string, Category> } {
    const colours = new Uint8Array(4 * this.points.length);
    const categories: Category[] = [];
    const ofClip = new Map<string, Category>();
    const labels = [
      ...new Set(clips.map((clip) => clip.label).filter((label) => label !== undefined)),
    ].sort();
    const byName = new Map<string | undefined, Category>();
    for (const [number, { id, name, label }] of clips.entries()) {
      let category = by === "label" ? byName.get(label) : undefined;
      if (!category) {
        const index = by === "clip" ? number : label === undefined ? undefined : labels.indexOf(label);
        category = { name: by === "clip" ? name : label, colour: categoryColour(index, dark), points: 0 };
        categories.push(category);
        byName.set(category.name, category);
      }
      ofClip.set(id, category);
    }
    const unknown: Category = { name: undefined, colour: categoryColour(undefined, dark), points: 0 };
    for (const [i, { clip }] of this.points.entries()) {
      const category = ofClip.get(clip) ?? unknown;
      category.points++;
      colours.set(category.colour, 4 * i);
    }
    const shown = categories.filter((category) => category.points > 0);
    if (by === "label") shown.sort((a, b) => (a.name ?? "\uffff").localeCompare(b.name ?? "\uffff"));
    return { colours, categories: shown, ofClip };
  }

  private pairs(previous: Atlas): [number, number][] {
    const pairs: [number, number][] = [];
    for (const [key, mine] of this.byWindow) {
      const theirs = previous.byWindow.get(key);
      if (theirs !== undefined) pairs.push([mine, theirs]);
    }
    return pairs;
  }
}

function windowKey(clip: string, from: number): string {
  return `${clip} ${from.toFixed(2)}`;
}
