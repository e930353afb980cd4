// Perceptual colour maps as tables of 256 opaque colours (bytes r, g, b, 255), and the painting of values with them. The stops are
// those of matplotlib's magma and viridis (public domain, CC0), linear between them.

const magmaStops =
  "000004 0b0924 20114b 3b0f70 57157e 721f81 8c2981 a8327d c43c75 de4968 f1605d fa7f5e fe9f6d febf84 fddea0 fcfdbf";
const viridisStops =
  "440154 481a6c 472f7d 414487 39568c 31688e 2a788e 23888e 1f988b 22a884 35b779 54c568 7ad151 a5db36 d2e21b fde725";

export const magma = table(magmaStops);
export const viridis = table(viridisStops);
/** White to black, for what lies under another colour. */
export const grey = table("1c1a20 f4f2f7");

function table(text: string): Uint8ClampedArray<ArrayBuffer> {
  const stops = text
    .split(" ")
    .map((hex) => [0, 2, 4].map((at) => Number.parseInt(hex.slice(at, at + 2), 16)));
  const out = new Uint8ClampedArray(256 * 4);
  for (let i = 0; i < 256; i++) {
    const place = (i / 255) * (stops.length - 1);
    const low = Math.min(stops.length - 2, Math.floor(place));
    for (let c = 0; c < 3; c++) {
      out[4 * i + c] = stops[low][c] + (stops[low + 1][c] - stops[low][c]) * (place - low);
    }
    out[4 * i + 3] = 255;
  }
  return out;
}

/** The range that a picture's colours span: from a low quantile to the top, by a histogram; never empty. */
export function contrast(values: Float32Array): [number, number] {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (const value of values) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  if (!(high > low)) return [Number.isFinite(low) ? low : 0, (Number.isFinite(low) ? low : 0) + 1];
  const bins = new Uint32Array(512);
  const scale = bins.length / (high - low);
  for (const value of values) bins[Math.min(bins.length - 1, Math.floor((value - low) * scale))]++;
  const at = (share: number) => {
    let left = share * values.length;
    let bin = 0;
    while (bin < bins.length - 1 && left >= bins[bin]) left -= bins[bin++];
    return low + (bin + 0.5) / scale;
  };
  const bottom = at(0.01);
  const top = at(0.998);
  return top > bottom ? [bottom, top] : [low, high];
}

/**
 * Values [rows, stride], of which columns `from` to `to` are painted, as an image whose top line is the last row (the highest
 * band). What is not finite is mid grey.
 */
export function paint(
  values: Float32Array,
  rows: number,
  stride: number,
  [low, high]: readonly [number, number],
  colours: Uint8ClampedArray,
  from = 0,
  to = stride,
): ImageData {
  const width = Math.max(1, to - from);
  const image = new ImageData(width, rows);
  const pixels = new Uint32Array(image.data.buffer);
  const colour = new Uint32Array(colours.buffer, colours.byteOffset, 256);
  const scale = 255 / (high - low || 1);
  for (let row = 0; row < rows; row++) {
    const line = (rows - 1 - row) * width;
    for (let x = from; x < to; x++) {
      const value = values[row * stride + x];
      const index = Math.max(0, Math.min(255, Math.round((value - low) * scale)));
      pixels[line + x - from] = Number.isFinite(value) ? colour[index] : 0xff808080;
    }
  }
  return image;
}
