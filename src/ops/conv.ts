// Convolutions over one and two axes, as matrix products over the patches under the kernel (unfold, then matmul). Where the
// stride is the kernel's size and nothing is padded (patch embedding), unfolding is only a permutation.
import { ShapeError } from "../gpu/errors.js";
import { formatShape, type Shape, sizeOf } from "../tensor/shape.js";
import type { Tensor } from "../tensor/tensor.js";
import { add } from "./binary.js";
import { defineOp } from "./define.js";
import { runElements } from "./launch.js";
import { matmul } from "./matmul.js";
import { byRows } from "./pieces.js";
import { sum } from "./reduce.js";
import { permute, reshape } from "./view.js";

/** Stride and padding of a convolution. */
export interface ConvOptions {
  /** One number for all axes, or one for each. Default 1. */
  stride?: number | readonly number[];
  /** Zeros before and after, likewise. Default 0. */
  padding?: number | readonly number[];
}

/** Sizes of one convolution, in the names of shaders/conv. */
interface Geometry {
  batch: number;
  channels: number;
  height: number;
  width: number;
  kernel_h: number;
  kernel_w: number;
  out_h: number;
  out_w: number;
  sy: number;
  sx: number;
  py: number;
  px: number;
}

/** Whether patches tile the image, so that unfolding moves every element once. */
function tiles({ height, width, kernel_h, kernel_w, sy, sx, py, px }: Geometry): boolean {
  const exact = height % kernel_h === 0 && width % kernel_w === 0;
  return exact && sy === kernel_h && sx === kernel_w && py === 0 && px === 0;
}

/** x [B, C, H, W] → what the kernel covers at every place, [B, C·kh·kw, outH·outW]. */
function unfold(x: Tensor, g: Geometry): Tensor {
  const { device } = x.gpu;
  const { batch, channels, height, width, kernel_h, kernel_w, out_h, out_w, sy, sx, py, px } = g;
  const shape = [batch, channels * kernel_h * kernel_w, out_h * out_w];
  if (tiles(g)) {
    const split = reshape(x, [batch, channels, out_h, kernel_h, out_w, kernel_w]);
    return reshape(permute(split, [0, 1, 3, 5, 2, 4]), shape);
  }
  const cols = x.gpu.empty(shape);
  const quad = out_w % 4 === 0;
  byRows(batch * channels, [x, cols], (parts, maps) => {
    const lengths = { n0: quad ? out_w / 4 : out_w, n1: out_h, n2: kernel_w, n3: kernel_h, n4: maps };
    const params = { height, width, sy, sx, py, px, ...lengths };
    const kernel = device.kernel("conv/unfold", { QUAD: quad });
    runElements(kernel, parts, parts[1].size, params);
  });
  return cols;
}

/** The gradient of `unfold`: sums columns back into an image. */
function fold(cols: Tensor, g: Geometry): Tensor {
  const { device } = cols.gpu;
  const { batch, channels, height, width, kernel_h, kernel_w, out_h, out_w, sy, sx, py, px } = g;
  const shape = [batch, channels, height, width];
  if (tiles(g)) {
    const split = reshape(cols, [batch, channels, kernel_h, kernel_w, out_h, out_w]);
    return reshape(permute(split, [0, 1, 4, 2, 5, 3]), shape);
  }
  const x = cols.gpu.empty(shape);
  const quad = width % 4 === 0;
  byRows(batch * channels, [cols, x], (parts, maps) => {
    const lengths = { n0: quad ? width / 4 : width, n1: height, n2: maps };
    const params = { kernel_h, kernel_w, out_h, out_w, sy, sx, py, px, ...lengths };
    const kernel = device.kernel("conv/fold", { QUAD: quad, UNIT: sy === 1 && sx === 1 });
    runElements(kernel, parts, parts[1].size, params);
  });
  return x;
}

const convOp = defineOp<Geometry, { cols: Tensor }>({
  name: "conv2d",
  doc: "Cross-correlation of x [B, C, H, W] with weight [O, C, kh, kw], plus a bias for each of the O maps",
  forward([x, weight, bias], g) {
    const { gpu } = x;
    return gpu.noGrad(() =>
      gpu.scope(() => {
        const cols = unfold(x, g);
        const filters = reshape(weight, [weight.shape[0], sizeOf(weight.shape.slice(1))]);
        const maps = matmul(filters, cols);
        const shifted = bias ? add(maps, reshape(bias, [bias.size, 1])) : maps;
        return { output: reshape(shifted, [g.batch, weight.shape[0], g.out_h, g.out_w]), saved: { cols } };
      }),
    );
  },
  backward({ grad, inputs: [x, weight, bias], needs, options: g, saved: { cols } }) {
    const maps = weight.shape[0];
    const upstream = reshape(grad, [g.batch, maps, g.out_h * g.out_w]);
    return x.gpu.scope(() => [
      needs[0]
        ? fold(
            matmul(reshape(weight, [maps, sizeOf(weight.shape.slice(1))]), upstream, { transposeA: true }),
            g,
          )
        : undefined,
      needs[1] ? weightGradient(upstream, cols, weight.shape) : undefined,
      bias && needs[2] ? sum(upstream, { dim: [0, 2] }) : undefined,
    ]);
  },
});

/** upstream [B, O, places] · colsᵀ [B, places, C·kh·kw], summed over the batch. */
function weightGradient(upstream: Tensor, cols: Tensor, shape: Shape): Tensor {
  const products = matmul(upstream, cols, { transposeB: true });
  return reshape(sum(products, { dim: 0 }), shape);
}

/**
 * Cross-correlation (what deep learning calls convolution) of x [B, C, H, W] with weight [O, C, kh, kw] → [B, O, outH, outW],
 * outH = ⌊(H + 2·padding − kh)/stride⌋ + 1.
 */
export function conv2d(x: Tensor, weight: Tensor, bias?: Tensor, options: ConvOptions = {}): Tensor {
  const [sy, sx] = pair("stride", options.stride ?? 1, 2, 1);
  const [py, px] = pair("padding", options.padding ?? 0, 2, 0);
  const fits =
    x.rank === 4 &&
    weight.rank === 4 &&
    x.shape[1] === weight.shape[1] &&
    (!bias || (bias.rank === 1 && bias.size === weight.shape[0]));
  if (!fits) {
    const given = bias ? `, bias ${formatShape(bias.shape)}` : "";
    throw new ShapeError(
      `conv2d: x ${formatShape(x.shape)}, weight ${formatShape(weight.shape)}${given} must be [B, C, H, W], [O, C, kh, kw] and [O].`,
    );
  }
  const [batch, channels, height, width] = x.shape;
  const [, , kernel_h, kernel_w] = weight.shape;
  const out_h = Math.floor((height + 2 * py - kernel_h) / sy) + 1;
  const out_w = Math.floor((width + 2 * px - kernel_w) / sx) + 1;
  if (kernel_h < 1 || kernel_w < 1 || out_h < 1 || out_w < 1) {
    throw new ShapeError(
      `conv2d: the kernel ${kernel_h} × ${kernel_w} does not lie in the padded image ${height + 2 * py} × ${width + 2 * px}.`,
    );
  }
  const geometry = { batch, channels, height, width, kernel_h, kernel_w, out_h, out_w, sy, sx, py, px };
  return convOp(bias ? [x, weight, bias] : [x, weight], geometry);
}

/** The same over one axis: x [B, C, L] with weight [O, C, k] → [B, O, outL]. */
export function conv1d(x: Tensor, weight: Tensor, bias?: Tensor, options: ConvOptions = {}): Tensor {
  if (x.rank !== 3 || weight.rank !== 3) {
    throw new ShapeError(
      `conv1d: x ${formatShape(x.shape)} and weight ${formatShape(weight.shape)} must be [B, C, L] and [O, C, k].`,
    );
  }
  const [stride] = pair("stride", options.stride ?? 1, 1, 1);
  const [padding] = pair("padding", options.padding ?? 0, 1, 0);
  const [batch, channels, length] = x.shape;
  const [maps, , kernel] = weight.shape;
  const y = conv2d(
    reshape(x, [batch, channels, 1, length]),
    reshape(weight, [maps, weight.shape[1], 1, kernel]),
    bias,
    { stride: [1, stride], padding: [0, padding] },
  );
  return reshape(y, [batch, maps, y.shape[3]]);
}

function pair(name: string, value: number | readonly number[], axes: number, least: number): number[] {
  const list = typeof value === "number" ? new Array<number>(axes).fill(value) : [...value];
  if (list.length !== axes || list.some((n) => !Number.isInteger(n) || n < least)) {
    throw new ShapeError(
      `A convolution's ${name} is a whole number of at least ${least}, or ${axes} of them, not ${JSON.stringify(value)}.`,
    );
  }
  return list;
}
