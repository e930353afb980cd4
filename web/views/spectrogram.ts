// A log-mel as a picture: coloured once onto canvases beside the page, then only moved and scaled. Not here: axes, sound, zoom.
import { contrast, magma, paint } from "../colour.js";
import type { MelImage } from "../protocol.js";

/** Browsers limit a canvas's width; long clips are several tiles. */
const tileFrames = 4096;

export interface MelPicture {
  frames: number;
  /** Draws the frames `from` to `to` (they may lie between frames or outside the clip) into a rectangle. */
  draw(
    context: CanvasRenderingContext2D,
    from: number,
    to: number,
    at: { x: number; y: number; width: number; height: number },
  ): void;
}

export function melPicture(mel: MelImage): MelPicture {
  const { values, nMels, frames } = mel;
  const range = contrast(values);
  const tiles: HTMLCanvasElement[] = [];
  for (let start = 0; start < frames; start += tileFrames) {
    const end = Math.min(frames, start + tileFrames);
    const tile = document.createElement("canvas");
    tile.width = end - start;
    tile.height = nMels;
    tile.getContext("2d")?.putImageData(paint(values, nMels, frames, range, magma, start, end), 0, 0);
    tiles.push(tile);
  }
  return {
    frames,
    draw(context, from, to, { x, y, width, height }) {
      const scale = width / (to - from);
      context.save();
      context.beginPath();
      context.rect(x, y, width, height);
      context.clip();
      context.imageSmoothingEnabled = scale < 3;
      for (const [i, tile] of tiles.entries()) {
        const start = i * tileFrames;
        const end = start + tile.width;
        if (end <= from || start >= to) continue;
        // A tile's last column is drawn a hair wider, or a seam would show.
        const overlap = i + 1 < tiles.length ? 0.5 : 0;
        context.drawImage(tile, x + (start - from) * scale, y, tile.width * scale + overlap, height);
      }
      context.restore();
    },
  };
}
