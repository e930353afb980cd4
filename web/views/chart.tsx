// Curves over steps: a readout that follows the pointer, and a description for those who cannot see them. Plot draws them
// (chart-plot.ts), once it has come: it is asked for with the first chart.
import { useSignal } from "@preact/signals";
import type { VNode } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import { useLook } from "../hooks.js";
import { describe, margin, pointAt, type Series } from "./chart-data.js";
import type { drawCurves } from "./chart-plot.js";

interface Props {
  title: string;
  series: readonly Series[];
  /** The last step of the axis, at least. */
  steps: number;
  format: (value: number) => string;
  fromZero?: boolean;
}

export function Chart({ title, series, steps, format, fromZero }: Props): VNode {
  const place = useRef<HTMLDivElement>(null);
  const look = useLook(place);
  const plot = useSignal<typeof drawCurves | undefined>(undefined);
  const share = useSignal<number | undefined>(undefined);
  const filled = series.filter(({ points }) => points.length > 0);
  const end = Math.max(1, steps, ...filled.map(({ points }) => points[points.length - 1].step));
  const pointer = share.value === undefined ? undefined : share.value * end;
  const read = filled.map((each) => ({ ...each, at: pointAt(each.points, pointer) }));
  const draw = plot.value;
  useLayoutEffect(() => {
    import("./chart-plot.js").then(({ drawCurves }) => {
      plot.value = drawCurves;
    }, console.error);
  }, []);
  useLayoutEffect(() => {
    const { clientWidth: width = 0, clientHeight: height = 0 } = place.current ?? {};
    if (!draw || width < 80 || height < 40) return;
    const marked = pointer === undefined ? [] : read;
    const svg = draw({ series: filled, marked, end, width, height, fromZero });
    svg.setAttribute("role", "img");
    svg.setAttribute("aria-label", describe(title, filled, format));
    place.current?.replaceChildren(svg);
  });
  look.value;
  return (
    <figure class="chart">
      <figcaption>{title}</figcaption>
      <p class="chart-legend">
        {read.map(({ name, colour, at }) => (
          <span key={name}>
            <i class={`key series-${colour}`} />
            {name} <b>{format(at.value)}</b>
          </span>
        ))}
        {read.length > 0 ? <span class="at">step {Math.round(read[0].at.step)}</span> : "no steps yet"}
      </p>
      <div
        ref={place}
        class="chart-plot"
        onPointerMove={(event) => {
          const box = event.currentTarget.getBoundingClientRect();
          const at = (event.clientX - box.left - margin.left) / (box.width - margin.left - margin.right);
          share.value = at < 0 || at > 1 ? undefined : at;
        }}
        onPointerLeave={() => {
          share.value = undefined;
        }}
      />
    </figure>
  );
}
