// The part of a clip that is on the screen: zoom and scrolling of an axis of time, in seconds. No drawing.

export interface TimeWindow {
  /** A new clip: all of it. */
  reset(seconds: number): void;
  range(): { from: number; to: number };
  /** The time at a share of the width. */
  timeAt(share: number): number;
  /** 0 shows all, 1 a second; `around` keeps its place. */
  zoom(share: number, around: number): void;
  zoomed(): boolean;
  /** Moves by a share of the width. */
  scroll(share: number): void;
  /** Moves as little as brings a time in. */
  show(seconds: number): void;
  /** Keeps a playing time in sight: in the middle, or page by page where motion is to be reduced. True if it moved. */
  follow(seconds: number, byPage: boolean): boolean;
}

const closest = 1;

export function createWindow(): TimeWindow {
  let length = 1;
  let from = 0;
  let span = 1;

  const place = (next: number) => {
    const clamped = Math.max(0, Math.min(length - span, next));
    const moved = clamped !== from;
    from = clamped;
    return moved;
  };

  return {
    reset(seconds) {
      length = Math.max(0.1, seconds);
      from = 0;
      span = length;
    },
    range: () => ({ from, to: from + span }),
    timeAt: (share) => from + share * span,
    zoom(share, around) {
      const at = Math.min(1, Math.max(0, (around - from) / span));
      const least = Math.min(closest, length);
      span = length * (least / length) ** Math.min(1, Math.max(0, share));
      place(around - at * span);
    },
    zoomed: () => span < length,
    scroll(share) {
      place(from + share * span);
    },
    show(seconds) {
      if (seconds < from) place(seconds);
      else if (seconds > from + span) place(seconds - span);
    },
    follow(seconds, byPage) {
      if (span >= length) return false;
      if (!byPage) return place(seconds - span / 2);
      return seconds < from || seconds > from + span ? place(seconds) : false;
    },
  };
}
