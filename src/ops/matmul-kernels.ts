// The launch of matrix products: `product` records the dispatches of the kernel that is chosen, with its epilogue. Not here: the choice
// (matmul-rule.ts, tuning-matmul.ts), tensors' shapes and gradients (matmul.ts, linear.ts, mlp.ts).
import type { Groups } from "../gpu/commands.js";
import type { Defines } from "../gpu/preprocess.js";
import type { Tensor } from "../tensor/tensor.js";
import { usableChoice } from "./alternatives.js";
import { foldGroups, foldLanes } from "./launch.js";
import { chooseMatmul, type MatmulChoice } from "./matmul-rule.js";
import { fits, isAligned, type MatmulVariant, type ProductShape } from "./matmul-variants/variant.js";
import { blocksOf, cutters } from "./pieces.js";

/** GELU in an epilogue: none, exact (erf), or the tanh approximation. */
export type GeluForm = boolean | "tanh";

/** What is done with the result besides storing it; all outside the graph. */
export interface ProductOptions extends ProductShape {
  /** Elements from one matrix of the batch to the next; 0 repeats one matrix. */
  strideA?: number;
  strideB?: number;
  /** Factor of the product; 1 by default. */
  scale?: number;
  /** [n], added to every row. */
  bias?: Tensor;
  gelu?: GeluForm;
  /** Like C: receives what GELU is applied to. */
  pre?: Tensor;
  /** Like C: the product is multiplied by the derivative of GELU here. `gelu` says of which form; it is not applied then. */
  slope?: Tensor;
  /** Like C: added after GELU. */
  residual?: Tensor;
  /** Adds to what C holds. */
  accumulate?: boolean;
  /** [m], for a transposed A without a batch: receives the sum of A over k, where it is read anyway. */
  sums?: Tensor;
}

/** Products; what a tuner knows of them besides is in tuning-matmul.ts. */
export const matmulFamily = { name: "matmul", rule: chooseMatmul };

declare module "./pieces.js" {
  interface Cutters {
    /** `product` in pieces. */
    product(a: Tensor, b: Tensor, c: Tensor, options: ProductOptions): boolean;
    /** `columnSums` in pieces. */
    columnSums(x: Tensor, sums: Tensor, rows: number, columns: number): boolean;
  }
}

/** Computes C = scale·A·B with the epilogue of `options`, outside the graph. C may not be one of the inputs. */
export function product(a: Tensor, b: Tensor, c: Tensor, options: ProductOptions): void {
  const { m, n, k, batch = 1, strideA = 0, strideB = 0, scale = 1, sums } = options;
  const { transposeA = false, transposeB = false } = options;
  const { gpu } = a;
  if (c.size === 0) {
    if (sums) columnSums(a, sums, k, m);
    return;
  }
  if (cutters.product?.(a, b, c, options)) return;
  const { device } = gpu;
  const shape: ProductOptions = { ...options, half: a.dtype === "f16" && b.dtype === "f16" };
  let choice = device.chooser.choose(matmulFamily, shape);
  // A neighbour in the tuner's bucket may have been measured with a kernel that this shape cannot have.
  if (!fits(choice.variant, shape)) choice = chooseMatmul(device.capabilities, shape);
  const cutOf = ({ variant, slices }: MatmulChoice) =>
    Math.max(1, Math.min(slices, Math.ceil(k / unitOf(variant))));
  const sumsIn = ({ variant }: MatmulChoice) => (variant.sumsA ? sums : undefined);
  const build = (one: MatmulChoice): [shader: string, defines: Defines] => {
    const { variant } = one;
    const apart = cutOf(one) > 1;
    const defines = {
      A_TYPE: a.dtype,
      B_TYPE: b.dtype,
      C_TYPE: apart ? "f32" : c.dtype,
      TRANSPOSE_A: transposeA,
      TRANSPOSE_B: transposeB,
      VEC4: isAligned(options) && !variant.scalar,
      ...epilogue(apart ? {} : options, sumsIn(one)).defines,
      ...variant.defines?.(m),
    };
    return [`matmul/${variant.shader}`, defines];
  };
  const fit = (one: MatmulChoice) => fits(one.variant, shape);
  choice = usableChoice(device, matmulFamily, shape, choice, { build, fits: fit });
  const { variant } = choice;
  const unit = unitOf(variant);
  const slices = cutOf(choice);
  const cut = slices > 1;
  const target = cut ? gpu.empty([slices, batch, m, n]) : c;
  const sumsHere = sumsIn(choice);
  const sumsTarget = sumsHere && cut ? gpu.empty([slices, m]) : sumsHere;
  const end = epilogue(cut ? {} : options, sumsTarget);
  const kernel = device.kernel(...build(choice));
  const params = {
    m,
    n,
    k,
    batch,
    a_batch: strideA,
    b_batch: strideB,
    k_slice: (Math.ceil(Math.ceil(k / unit) / slices) * unit) / 4,
    results: batch * slices,
    scale: cut ? 1 : scale,
  };
  const blocks = blocksOf([a, b, target, ...end.tensors]);
  device.run(kernel, blocks, params, groupsOf(variant, m, n, batch * slices));
  if (cut) {
    sumSlices(target, c, slices, options);
    target.dispose();
  }
  if (sums && !sumsTarget) {
    columnSums(a, sums, k, m);
  } else if (sums && sumsTarget && cut) {
    sumSlices(sumsTarget, sums, slices, { m: 1, n: m });
    sumsTarget.dispose();
  }
}

/** The summed axis is cut at multiples of this many values. */
const unitOf = ({ sliceUnit = 4 }: MatmulVariant) => sliceUnit;

/** Workgroups for `results` matrices. */
export function groupsOf({ tile, groups }: MatmulVariant, m: number, n: number, results: number): Groups {
  const count = groups?.(m, n, results) ?? Math.ceil(m / tile.rows) * Math.ceil(n / tile.columns) * results;
  return foldGroups(count);
}

/** The tensors of an epilogue in the order of their bindings, which follow those of A, B and C, and what turns it on. */
function epilogue(
  { bias, pre, slope, residual, gelu = false, accumulate = false }: Partial<ProductOptions>,
  sums?: Tensor,
): { tensors: Tensor[]; defines: Defines } {
  const tensors: Tensor[] = [];
  // One tensor may be several of these: each has a binding of its own.
  const bindingOf = (tensor: Tensor | undefined) => (tensor ? 2 + tensors.push(tensor) : 0);
  return {
    tensors,
    defines: {
      BIAS: bindingOf(bias),
      PRE: bindingOf(pre),
      SLOPE: bindingOf(slope),
      RESIDUAL: bindingOf(residual),
      SUMS: bindingOf(sums),
      GELU: gelu === "tanh" ? 2 : Number(gelu),
      ACCUMULATE: accumulate,
    },
  };
}

/** C = the sum of `slices` partial products, with the scale and epilogue of `options`, outside the graph. */
function sumSlices(parts: Tensor, c: Tensor, slices: number, options: Omit<ProductOptions, "k">): void {
  const { m, n, batch = 1, scale = 1 } = options;
  const { device } = c.gpu;
  const vec4 = n % 4 === 0;
  const end = epilogue(options);
  const kernel = device.kernel("matmul/sum_slices", {
    A_TYPE: "f32",
    B_TYPE: "f32",
    C_TYPE: c.dtype,
    TRANSPOSE_A: false,
    TRANSPOSE_B: false,
    VEC4: vec4,
    ...end.defines,
  });
  // All results are rows of one matrix here.
  const params = {
    m: batch * m,
    n,
    k: 0,
    batch: 1,
    a_batch: 0,
    b_batch: 0,
    k_slice: 0,
    results: slices,
    scale,
  };
  const blocks = blocksOf([parts, parts, c, ...end.tensors]);
  const count = (batch * m * n) / (vec4 ? 4 : 1);
  device.run(kernel, blocks, params, foldLanes(count));
}

/** sums[n] = Σ over rows of x[row, n], outside the graph. */
export function columnSums(x: Tensor, sums: Tensor, rows: number, columns: number): void {
  const { gpu } = x;
  const { device } = gpu;
  if (cutters.columnSums?.(x, sums, rows, columns)) return;
  const vec4 = columns % 4 === 0;
  const count = vec4 ? columns / 4 : columns;
  const width = device.capabilities.software ? 16 : 64;
  const across = Math.ceil(count / width);
  const wanted = Math.ceil((device.capabilities.software ? 8 : 256) / across);
  const slices = Math.max(1, Math.min(wanted, Math.floor(rows / 64), 64));
  const target = slices > 1 ? gpu.empty([slices, columns]) : sums;
  device.run(
    device.kernel("matmul/column_sums", { VEC4: vec4, WIDTH: width }),
    [x.block, target.block],
    { rows, columns: count, slice_rows: Math.ceil(rows / slices) },
    [across, slices],
  );
  if (slices > 1) {
    sumSlices(target, sums, slices, { m: 1, n: columns });
    target.dispose();
  }
}
