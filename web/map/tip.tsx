// The words at the point under the pointer: the clip's name, the window's times, the label.
import type { VNode } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import type { App } from "../app.js";
import type { MapPoint } from "../protocol.js";
import { clipOf } from "./nearest.js";
import { timesOf } from "./nearest-list.js";

/** Beside a place of the picture, within it: how to go there is given to `follow`, which is called with it once. */
export function MapTip(props: {
  app: App;
  point: MapPoint | undefined;
  follow: (place: (at: { x: number; y: number }, size: { width: number; height: number }) => void) => void;
}): VNode {
  const { app, point, follow } = props;
  const tip = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    follow((at, { width, height }) => {
      const { offsetWidth: wide, offsetHeight: high, style } = tip.current!;
      const x = Math.min(width - wide - 6, Math.max(6, at.x - wide / 2));
      const above = at.y - high - 14;
      const y = above > 4 ? above : Math.min(height - high - 4, at.y + 16);
      style.transform = `translate(${Math.round(x)}px, ${Math.round(y)}px)`;
    });
  }, []);
  return (
    <div ref={tip} class="map-tip" hidden={!point}>
      {point && (
        <>
          <strong>{clipOf(app, point.clip)?.name ?? "a removed clip"}</strong>
          <span>{timesOf(app, point)}</span>
        </>
      )}
    </div>
  );
}
