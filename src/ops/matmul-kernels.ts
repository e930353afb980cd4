// Which kernel multiplies two matrices, and its launch: the choice among shaders/matmul's variants by adapter and shape, as pure
// functions, and `product`, which records the dispatch. Not here: tensors' shapes and gradients (matmul.ts, linear.ts).
import type { Capabilities } from "../gpu/capabilities.js";
import type { Groups } from "../gpu/device.js";
import type { Defines } from "../gpu/preprocess.js";
import type { Tensor } from "../tensor/tensor.js";
import { foldGroups } from "./launch.js";
import { isFused, matmulTuning } from "./tuning-matmul.js";

/** The sizes of a product: C[m, n] = A[m, k]·B[k, n], `batch` times. */
export interface ProductShape {
  m: number;
  n: number;
  k: number;
  batch?: number;
  /** The stored operand is the transpose. */
  transposeA?: boolean;
  transposeB?: boolean;
}

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

/** A kernel for a product. */
export type MatmulVariant =
  | { kind: "plain" }
  | { kind: "register" }
  /** lanes: the subgroup's exact size; blocks × lanes rows and quads × 4 × lanes columns a subgroup. */
  | { kind: "subgroup"; lanes: 4 | 8 | 16; blocks: 1 | 2 | 4 | 8; quads: 1 | 2 }
  | { kind: "shared"; tile: 64 | 128 };

export interface MatmulChoice {
  variant: MatmulVariant;
  /** Into how many parts the summed axis is cut, for more parallel work. */
  slices: number;
}

/** What the choice looks at. */
export type MatmulCapabilities = Pick<
  Capabilities,
  "software" | "subgroups" | "subgroupMinSize" | "subgroupMaxSize" | "maxInvocations" | "maxWorkgroupStorage"
>;

let override: ((shape: ProductShape) => MatmulChoice | undefined) | undefined;

/** For tests and benchmarks: replaces the choice until called without an argument. */
export function overrideMatmul(choose?: (shape: ProductShape) => MatmulChoice | undefined): void {
  override = choose;
}

/** The variants that an adapter can run. */
export function supportedMatmuls(capabilities: MatmulCapabilities): MatmulVariant[] {
  const variants: MatmulVariant[] = [{ kind: "plain" }, { kind: "register" }];
  const lanes = exactLanes(capabilities);
  if (lanes) {
    variants.push({ kind: "subgroup", lanes, blocks: 1, quads: 1 }, tallest(lanes));
  }
  if (supportsShared(capabilities)) {
    variants.push({ kind: "shared", tile: 64 }, { kind: "shared", tile: 128 });
  }
  return variants;
}

/** The subgroup size, where it is always the same one and one that the subgroup kernel can be built for. */
function exactLanes(capabilities: MatmulCapabilities): 4 | 8 | 16 | undefined {
  const { subgroups, subgroupMinSize: lanes, subgroupMaxSize } = capabilities;
  return subgroups && lanes === subgroupMaxSize && (lanes === 4 || lanes === 8 || lanes === 16)
    ? lanes
    : undefined;
}

/** 32 rows × 32 or 64 columns a subgroup: a large tile shares its loads among more results; a low result has no use for it. */
function tallest(lanes: 4 | 8 | 16): MatmulVariant {
  const blocks = lanes === 4 ? 8 : lanes === 8 ? 4 : 2;
  return { kind: "subgroup", lanes, blocks, quads: lanes === 4 ? 2 : 1 };
}

/** Chooses a kernel. Pure. */
export function chooseMatmul(capabilities: MatmulCapabilities, shape: ProductShape): MatmulChoice {
  const { m, n, k, batch = 1 } = shape;
  // Small odd shapes are not worth a kernel of their own, which a software adapter takes up to a second to compile.
  const small = m * n * k * batch <= (isAligned(shape) ? 2 ** 15 : 2 ** 20);
  if (small) return { variant: { kind: "plain" }, slices: 1 };
  const lanes = capabilities.software ? exactLanes(capabilities) : undefined;
  let variant: MatmulVariant;
  if (lanes) {
    variant = m > 2 * lanes ? tallest(lanes) : { kind: "subgroup", lanes, blocks: 1, quads: 1 };
  } else if (!capabilities.software && m >= 16 && n >= 16 && supportsShared(capabilities)) {
    variant = { kind: "shared", tile: m * n * batch >= 128 * 128 * 64 ? 128 : 64 };
  } else {
    variant = { kind: "register" };
  }
  // A software adapter has as many workers as the machine has cores, a GPU has many.
  const wanted = capabilities.software ? 4 : 128;
  const { rows, columns } = tileOf(variant);
  const groups = Math.ceil(m / rows) * Math.ceil(n / columns) * batch;
  const slices = Math.min(Math.floor(wanted / groups), Math.floor(k / 128), 32);
  return { variant, slices: Math.max(1, slices) };
}

/** Whether everything can move by vec4. */
function isAligned({ m, n, k, transposeA }: ProductShape): boolean {
  return n % 4 === 0 && k % 4 === 0 && (!transposeA || m % 4 === 0);
}

function supportsShared(capabilities: MatmulCapabilities): boolean {
  return capabilities.maxInvocations >= 256 && capabilities.maxWorkgroupStorage >= 16384;
}

/** Few, so that a small result is shared evenly among few workers. */
const subgroupsPerGroup = 2;

/** Products, for the tuner. */
export const matmulFamily = matmulTuning({ rule: chooseMatmul, supported: supportedMatmuls, tileOf });

/** Results of one workgroup. */
function tileOf(variant: MatmulVariant): { rows: number; columns: number } {
  switch (variant.kind) {
    case "plain":
      return { rows: 8, columns: 8 };
    case "register":
      return { rows: 32, columns: 64 };
    case "subgroup":
      return {
        rows: subgroupsPerGroup * variant.lanes * variant.blocks,
        columns: 4 * variant.lanes * variant.quads,
      };
    case "shared":
      return { rows: variant.tile, columns: variant.tile };
  }
}

function groupsOf(variant: MatmulVariant, m: number, n: number, results: number): Groups {
  const { rows, columns } = tileOf(variant);
  if (variant.kind === "subgroup") {
    const tiles = Math.ceil(m / (variant.lanes * variant.blocks)) * Math.ceil(n / columns);
    return foldGroups(Math.ceil(tiles / subgroupsPerGroup) * results);
  }
  return foldGroups(Math.ceil(m / rows) * Math.ceil(n / columns) * results);
}

function variantDefines(variant: MatmulVariant): Defines {
  switch (variant.kind) {
    case "subgroup":
      return {
        LANES: variant.lanes,
        GROUPS: variant.lanes / 4,
        BLOCKS: variant.blocks,
        QUADS: variant.quads,
        WIDTH: subgroupsPerGroup * variant.lanes,
      };
    case "shared":
      return { HALVES: variant.tile / 64 };
    default:
      return {};
  }
}

/** Computes C = scale·A·B with the epilogue of `options`, outside the graph. C may not be one of the inputs. */
export function product(a: Tensor, b: Tensor, c: Tensor, options: ProductOptions): void {
  const { m, n, k, batch = 1, strideA = 0, strideB = 0, scale = 1 } = options;
  const { transposeA = false, transposeB = false, bias, gelu = false, pre, slope, residual, sums } = options;
  const { gpu } = a;
  const { device } = gpu;
  const choice = override?.(options) ?? device.tuner.choose(matmulFamily, options);
  const { variant } = choice;
  const aligned = isAligned(options) && variant.kind !== "plain";
  const slices = isFused(options) ? 1 : Math.min(choice.slices, Math.ceil(k / 4));
  const target = slices > 1 ? gpu.empty([slices, batch, m, n]) : c;
  const sumsHere = variant.kind === "subgroup" ? sums : undefined;
  const sumsTarget = sumsHere && slices > 1 ? gpu.empty([slices, m]) : sumsHere;
  const extra = [bias, pre, slope, residual, sumsTarget].filter((tensor) => tensor !== undefined);
  const bindingOf = (tensor: Tensor | undefined) => (tensor ? 3 + extra.indexOf(tensor) : 0);
  const kernel = device.kernel(`matmul/${variant.kind}`, {
    A_TYPE: a.dtype,
    B_TYPE: b.dtype,
    C_TYPE: target.dtype,
    TRANSPOSE_A: transposeA,
    TRANSPOSE_B: transposeB,
    VEC4: aligned,
    BIAS: bindingOf(bias),
    PRE: bindingOf(pre),
    SLOPE: bindingOf(slope),
    RESIDUAL: bindingOf(residual),
    SUMS: bindingOf(sumsTarget),
    GELU: gelu === "tanh" ? 2 : Number(gelu),
    ACCUMULATE: options.accumulate === true && slices === 1,
    ...variantDefines(variant),
  });
  const blocks = [a, b, target, ...extra].map((tensor) => tensor.block);
  const params = {
    m,
    n,
    k,
    batch,
    a_batch: strideA,
    b_batch: strideB,
    k_slice: Math.ceil(Math.ceil(k / 4) / slices),
    results: batch * slices,
    scale,
  };
  device.run(kernel, blocks, params, groupsOf(variant, m, n, batch * slices));
  if (slices > 1) {
    sumSlices(target, c, batch * m * n, slices, options.accumulate === true);
    target.dispose();
  }
  if (sums && sumsTarget !== sums) {
    if (sumsTarget) {
      sumSlices(sumsTarget, sums, m, slices, false);
      sumsTarget.dispose();
    } else {
      columnSums(a, sums, k, m);
    }
  }
}

/** c[i] = Σ over slices of parts[slice, i] (+ c[i]), outside the graph. */
function sumSlices(parts: Tensor, c: Tensor, size: number, slices: number, accumulate: boolean): void {
  const { device } = c.gpu;
  const vec4 = size % 4 === 0;
  const count = vec4 ? size / 4 : size;
  const kernel = device.kernel("matmul/sum_slices", { C_TYPE: c.dtype, VEC4: vec4, ACCUMULATE: accumulate });
  device.run(kernel, [parts.block, c.block], { count, slices }, foldGroups(Math.ceil(count / 64)));
}

/** sums[n] = Σ over rows of x[row, n], outside the graph. */
export function columnSums(x: Tensor, sums: Tensor, rows: number, columns: number): void {
  const { gpu } = x;
  const { device } = gpu;
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
    sumSlices(target, sums, columns, slices, false);
    target.dispose();
  }
}
