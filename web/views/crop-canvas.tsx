// A canvas with a crop on it, drawn whenever what it shows or how large it is has changed.
import type { HTMLAttributes, VNode } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import { styleOf } from "../dom.js";
import { type CropMarks, type CropPicture, drawCrop, type Grid } from "./crop.js";

interface Props extends HTMLAttributes<HTMLCanvasElement> {
  picture: CropPicture | undefined;
  grid: Grid | undefined;
  marks: CropMarks;
  /** Changes when it must be drawn anew for its size or its colours. */
  drawn: number;
}

export function CropCanvas({ picture, grid, marks, drawn: _, ...rest }: Props): VNode {
  const canvas = useRef<HTMLCanvasElement>(null);
  useLayoutEffect(() => {
    if (!canvas.current || !picture || !grid) return;
    const maskColour = styleOf(canvas.current)("--masked-patch");
    drawCrop(canvas.current, picture, grid, { maskColour, ...marks });
  });
  return <canvas ref={canvas} hidden={!picture} {...rest} />;
}
