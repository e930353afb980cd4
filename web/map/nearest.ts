// Neighbours of a window: one question to the worker for all views that ask the same at the same state of the model; and places in
// clips by seconds, by frames and in words. No elements (nearest-list.tsx).
import { type App, type Place, weightsKey } from "../app.js";
import { clock } from "../dom.js";
import type { ClipInfo, Neighbour } from "../protocol.js";

interface Asked {
  key: string;
  answer: Promise<Neighbour[]>;
}

const asked = new WeakMap<App, Asked>();

/** Nearest windows of other clips; asked once for a window, a count and the weights in use. */
export function nearestTo(app: App, clip: string, from: number, count: number): Promise<Neighbour[]> {
  const others = app.clips.value.map((each) => each.id);
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
  const frontEnd = app.model.value?.model.frontEnd;
  if (frontEnd) return frontEnd.hopLength / frontEnd.sampleRate;
  return clip && clip.frames > 0 ? clip.seconds / clip.frames : 0.032;
}

export function clipOf(app: App, id: string): ClipInfo | undefined {
  return app.clips.value.find((clip) => clip.id === id);
}

/** "Piece 3, 0:04 to 0:08" */
export function placeName(app: App, place: { clip: string; from: number; to: number }): string {
  return `${clipOf(app, place.clip)?.name ?? "a removed clip"}, ${clock(place.from)} to ${clock(place.to)}`;
}

/** Whether a place is what sounds now. */
export function sounds(app: App, place: Place): boolean {
  const now = app.playing.value;
  return now?.clip === place.clip && Math.abs(now.from - place.from) < 0.02;
}
