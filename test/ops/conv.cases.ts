// Rows of the op table: conv2d, and conv1d through it.
import { conv1d, conv2d } from "../../src/ops/conv.js";
import type { InputSpec, OpCase } from "./case.js";
import { build, element } from "./reference.js";

function convolved(
  label: string,
  x: number[],
  weight: number[],
  [sy, sx]: [number, number],
  [py, px]: [number, number] = [0, 0],
  bias = true,
): OpCase {
  const [batch, channels, height, width] = x;
  const [maps, , kh, kw] = weight;
  const out = [
    batch,
    maps,
    Math.floor((height + 2 * py - kh) / sy) + 1,
    Math.floor((width + 2 * px - kw) / sx) + 1,
  ];
  const inputs: InputSpec[] = [{ shape: x }, { shape: weight, scale: 0.3 }];
  if (bias) inputs.push({ shape: [maps] });
  return {
    op: "conv2d",
    label,
    inputs,
    shape: out,
    run: ([image, filters, shift]) => conv2d(image, filters, shift, { stride: [sy, sx], padding: [py, px] }),
    reference: ([image, filters, shift]) =>
      build(out, ([b, o, oy, ox]) => {
        let total = shift ? shift.data[o] : 0;
        for (let c = 0; c < channels; c++) {
          for (let ky = 0; ky < kh; ky++) {
            for (let kx = 0; kx < kw; kx++) {
              const y = oy * sy + ky - py;
              const at = ox * sx + kx - px;
              if (y < 0 || y >= height || at < 0 || at >= width) continue;
              total += element(image, [b, c, y, at]) * element(filters, [o, c, ky, kx]);
            }
          }
        }
        return total;
      }),
    atol: 5e-5,
    gradientAtol: 5e-4,
  };
}

/** A row over one axis: the row of a picture of height 1. */
function line(label: string, x: number[], weight: number[], stride: number, padding: number): OpCase {
  const [batch, channels, length] = x;
  const [maps, , kernel] = weight;
  const flat = convolved(
    `conv1d: ${label}`,
    [batch, channels, 1, length],
    [maps, channels, 1, kernel],
    [1, stride],
    [0, padding],
  );
  return {
    ...flat,
    inputs: [{ shape: x }, { shape: weight, scale: 0.3 }, { shape: [maps] }],
    shape: [batch, maps, Math.floor((length + 2 * padding - kernel) / stride) + 1],
    run: ([signal, filters, shift]) => conv1d(signal, filters, shift, { stride, padding }),
    reference: ([signal, filters, shift]) =>
      flat.reference([
        { data: signal.data, shape: [batch, channels, 1, length] },
        { data: filters.data, shape: [maps, channels, 1, kernel] },
        shift,
      ]),
  };
}

export const cases: OpCase[] = [
  convolved("patches that tile", [2, 1, 8, 12], [5, 1, 4, 4], [4, 4]),
  convolved("full-height patches", [2, 1, 16, 14], [7, 1, 16, 2], [16, 2]),
  convolved("patches that leave a rest", [1, 2, 9, 7], [3, 2, 4, 3], [4, 3]),
  convolved("overlapping patches", [1, 1, 16, 20], [3, 1, 8, 8], [5, 5]),
  convolved("channels and padding", [2, 3, 9, 11], [4, 3, 3, 3], [2, 2], [2, 1]),
  convolved("stride beyond the kernel", [1, 1, 9, 9], [2, 1, 2, 2], [3, 4]),
  convolved("one by one", [2, 3, 5, 5], [4, 3, 1, 1], [1, 1]),
  convolved("no bias", [1, 2, 7, 7], [3, 2, 2, 3], [1, 1], [0, 0], false),
  line("stride 1", [2, 3, 20], [5, 3, 3], 1, 0),
  line("stride 2, padded", [2, 3, 21], [4, 3, 5], 2, 2),
  line("frames as patches", [2, 16, 24], [12, 16, 4], 4, 0),
  convolved("no image", [0, 2, 7, 7], [3, 2, 2, 3], [1, 1]),
  convolved("no channel", [2, 0, 7, 7], [3, 0, 2, 3], [1, 1]),
  convolved("no channel, patches that tile", [2, 0, 8, 12], [5, 0, 4, 4], [4, 4]),
  convolved("no map", [2, 1, 8, 12], [0, 1, 4, 4], [4, 4]),
  convolved("an image of nothing but padding", [2, 1, 0, 3], [2, 1, 2, 2], [1, 1], [1, 1]),
];
