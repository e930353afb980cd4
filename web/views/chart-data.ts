// What a chart is of: its curves, the point under the pointer, and the curves in words. No elements.

export interface Series {
  name: string;
  /** 1 to 4: the page's colours for curves. */
  colour: number;
  points: readonly Point[];
  /** Drawn as dots joined by a line: few points that count each. */
  dots?: boolean;
}

export interface Point {
  step: number;
  value: number;
}

/** Room around the curves, for the axes. */
export const margin = { left: 48, right: 10, top: 8, bottom: 22 };

/** The point nearest to a step; without one, the last. */
export function pointAt(points: readonly Point[], step: number | undefined): Point {
  if (step === undefined) return points[points.length - 1];
  let low = 0;
  let high = points.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (points[middle].step < step) low = middle + 1;
    else high = middle;
  }
  return low > 0 && step - points[low - 1].step < points[low].step - step ? points[low - 1] : points[low];
}

/** A chart in words: where each curve begins and ends. */
export function describe(
  title: string,
  series: readonly Series[],
  format: (value: number) => string,
): string {
  const at = ({ step, value }: Point) => `${format(value)} at step ${step}`;
  const curves = series.map(
    ({ name, points }) => `${name} ${at(points[0])}, ${at(points[points.length - 1])}`,
  );
  return `${title}: ${curves.join("; ") || "no steps yet"}`;
}
