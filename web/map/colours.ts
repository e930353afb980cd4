// Colours of classes and of clips, light and dark: evenly stepped hues of one lightness, so that none shouts. Not the
// colour of values (web/colour.ts).
import type { Rgba } from "./scene.js";

/** Hues in the order in which they are given out: neighbours in the list lie far apart on the circle. */
const HUES = [255, 55, 155, 345, 200, 25, 300, 110, 230, 80, 325, 180];

/** The colour of the class number `index`; `undefined` is "none": a grey. */
export function categoryColour(index: number | undefined, dark: boolean): Rgba {
  if (index === undefined) return dark ? [120, 127, 138, 255] : [150, 155, 164, 255];
  const round = Math.floor(index / HUES.length);
  const hue = HUES[index % HUES.length] + 14 * (round % 3);
  const lightness = (dark ? 0.76 : 0.56) - 0.07 * (round % 2);
  return oklch(lightness, dark ? 0.13 : 0.16, hue);
}

/** Text for CSS. */
export function cssColour([r, g, b, a]: Rgba): string {
  return a === 255 ? `rgb(${r} ${g} ${b})` : `rgb(${r} ${g} ${b} / ${a / 255})`;
}

/** OKLCh to sRGB (Björn Ottosson's OKLab matrices, public domain); clipped to the gamut. Hue in degrees. */
export function oklch(lightness: number, chroma: number, hue: number): Rgba {
  const a = chroma * Math.cos((hue * Math.PI) / 180);
  const b = chroma * Math.sin((hue * Math.PI) / 180);
  const l = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (lightness - 0.0894841775 * a - 1.291485548 * b) ** 3;
  const linear = [
    4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
    -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
    -0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s,
  ];
  const [red, green, blue] = linear.map((value) => {
    const v = Math.min(1, Math.max(0, value));
    return Math.round(255 * (v <= 0.0031308 ? 12.92 * v : 1.055 * v ** (1 / 2.4) - 0.055));
  });
  return [red, green, blue, 255];
}

let probe: CanvasRenderingContext2D | null | undefined;

/** Any CSS colour as bytes; the fallback where it is not understood. */
export function parseColour(text: string, fallback: Rgba): Rgba {
  probe ??= new OffscreenCanvas(1, 1).getContext("2d", {
    willReadFrequently: true,
  }) as unknown as CanvasRenderingContext2D | null;
  if (!probe || !text) return fallback;
  probe.clearRect(0, 0, 1, 1);
  probe.fillStyle = "rgb(1 2 3)";
  probe.fillStyle = text;
  if (probe.fillStyle === "#010203") return fallback;
  probe.fillRect(0, 0, 1, 1);
  const [r, g, b, a] = probe.getImageData(0, 0, 1, 1).data;
  return [r, g, b, a];
}
