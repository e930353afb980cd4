// The kernels for matrix products by adapter and shape, as pure functions: which an adapter can run, which a rule takes where nothing
// has been measured, their tiles and defines. The launch is in matmul-kernels.ts, the measured choice in tuning-matmul.ts.
import { type Capabilities, exactLanes } from "../gpu/capabilities.js";
import type { Groups } from "../gpu/commands.js";
import type { Defines } from "../gpu/preprocess.js";
import { foldGroups } from "./launch.js";

/** The sizes of a product: C[m, n] = A[m, k]·B[k, n], `batch` times. */
export interface ProductShape {
  m: number;
  n: number;
  k: number;
  batch?: number;
  /** The stored operand is the transpose. */
  transposeA?: boolean;
  transposeB?: boolean;
  /** Both operands are stored as f16. */
  half?: boolean;
}

/** A kernel for a product. */
export type MatmulVariant =
  | { kind: "plain" }
  | { kind: "register" }
  /** lanes: the subgroup's exact size; blocks × lanes rows and quads × 4 × lanes columns a subgroup. */
  | { kind: "subgroup"; lanes: 4 | 8 | 16; blocks: 1 | 2 | 4 | 8; quads: 1 | 2 }
  | { kind: "shared"; tile: 64 | 128 }
  /** split: invocations that share the summed axis of one column. */
  | { kind: "few_rows"; split: 1 | 16 }
  /** lanes: the subgroup's exact size; unit: the hardware's product, "MxNxK". */
  | { kind: "subgroup_matrix"; tile: 64 | 128; lanes: number; unit: string };

export interface MatmulChoice {
  variant: MatmulVariant;
  /** Into how many parts the summed axis is cut, for more parallel work. */
  slices: number;
}

/** What the choice looks at. */
export type MatmulCapabilities = Pick<
  Capabilities,
  | "software"
  | "subgroups"
  | "subgroupMinSize"
  | "subgroupMaxSize"
  | "maxInvocations"
  | "maxWorkgroupStorage"
  | "subgroupMatrices"
>;

/** The variants that an adapter can run, of any product or of one of a certain shape. */
export function supportedMatmuls(capabilities: MatmulCapabilities, shape?: ProductShape): MatmulVariant[] {
  const variants: MatmulVariant[] = [
    { kind: "plain" },
    { kind: "register" },
    { kind: "few_rows", split: capabilities.software ? 1 : 16 },
  ];
  const lanes = exactLanes(capabilities);
  if (lanes) {
    variants.push({ kind: "subgroup", lanes, blocks: 1, quads: 1 }, tallest(lanes));
  }
  if (supportsShared(capabilities)) {
    variants.push({ kind: "shared", tile: 64 }, { kind: "shared", tile: 128 });
  }
  variants.push(...matrixVariants(capabilities));
  return shape ? variants.filter((variant) => fits(variant, shape)) : variants;
}

/** The summed axis is cut at multiples of this many values. */
export function sliceUnit(variant: MatmulVariant): number {
  return variant.kind === "subgroup_matrix" ? matrixStep : 4;
}

/** Whether a variant that the adapter can run takes a product of this shape. */
export function fits(variant: MatmulVariant, shape: ProductShape): boolean {
  switch (variant.kind) {
    case "few_rows":
      // A software adapter takes tens of seconds to compile it for many rows, and longer to run it than matmul/subgroup.
      return shape.transposeA !== true && shape.m <= (variant.split === 1 ? 2 : 8);
    case "subgroup_matrix":
      return shape.half === true && isAligned(shape) && shape.k % matrixStep === 0;
    default:
      return true;
  }
}

/** Values of the summed axis that matmul/subgroup_matrix takes at a time. */
const matrixStep = 32;

/** One for each size of tile, with the largest hardware product that divides a subgroup's part of it. */
function matrixVariants(capabilities: MatmulCapabilities): MatmulVariant[] {
  const { subgroups, subgroupMinSize: lanes, subgroupMaxSize, maxInvocations } = capabilities;
  if (!subgroups || lanes !== subgroupMaxSize || 8 * lanes > maxInvocations) return [];
  return ([64, 128] as const).flatMap((tile): MatmulVariant[] => {
    const units = (capabilities.subgroupMatrices ?? []).filter(
      ({ m, n, k }) =>
        (tile / 2) % m === 0 &&
        (tile / 4) % n === 0 &&
        matrixStep % k === 0 &&
        n % 4 === 0 &&
        matrixMemory(tile, m * n) <= capabilities.maxWorkgroupStorage,
    );
    const unit = units.sort((a, b) => b.m * b.n * b.k - a.m * a.n * a.k)[0];
    return unit ? [{ kind: "subgroup_matrix", tile, lanes, unit: `${unit.m}x${unit.n}x${unit.k}` }] : [];
  });
}

/** Bytes of workgroup memory of matmul/subgroup_matrix at most: both staged parts and a matrix of results a subgroup. */
function matrixMemory(tile: number, results: number): number {
  return 2 * 2 * Math.max(tile * (matrixStep + 8), matrixStep * (tile + 8)) + 8 * results * 4;
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
  const few: MatmulVariant = { kind: "few_rows", split: capabilities.software ? 1 : 16 };
  if (fits(few, shape) && (m === 1 || !capabilities.software)) {
    variant = few;
  } else if (lanes) {
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

/**
 * One kernel for products of any size: which one it is, and so the order of every sum, does not depend on how many rows or products
 * there are, as it does where the tuner chooses. `low`: for results of few rows.
 */
export function pinnedMatmul(capabilities: MatmulCapabilities, low: boolean): MatmulChoice {
  const { software } = capabilities;
  const lanes = software ? exactLanes(capabilities) : undefined;
  if (lanes) {
    return { variant: low ? { kind: "subgroup", lanes, blocks: 1, quads: 1 } : tallest(lanes), slices: 1 };
  }
  const shared = !software && supportsShared(capabilities);
  return { variant: shared ? { kind: "shared", tile: 64 } : { kind: "register" }, slices: 1 };
}

/** Whether everything can move by vec4. */
export function isAligned({ m, n, k, transposeA }: ProductShape): boolean {
  return n % 4 === 0 && k % 4 === 0 && (!transposeA || m % 4 === 0);
}

function supportsShared(capabilities: MatmulCapabilities): boolean {
  return capabilities.maxInvocations >= 256 && capabilities.maxWorkgroupStorage >= 16384;
}

/** Most rows of matmul/few_rows, and quads of columns of one workgroup. */
const fewRows = 8;
const fewColumns = 16;

/** Few, so that a small result is shared evenly among few workers. */
const subgroupsPerGroup = 2;

/** Results of one workgroup. */
export function tileOf(variant: MatmulVariant): { rows: number; columns: number } {
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
    case "few_rows":
      return { rows: fewRows, columns: 4 * fewColumns };
    case "shared":
    case "subgroup_matrix":
      return { rows: variant.tile, columns: variant.tile };
  }
}

/** Workgroups for `results` matrices. */
export function groupsOf(variant: MatmulVariant, m: number, n: number, results: number): Groups {
  const { rows, columns } = tileOf(variant);
  if (variant.kind === "subgroup") {
    const tiles = Math.ceil(m / (variant.lanes * variant.blocks)) * Math.ceil(n / columns);
    return foldGroups(Math.ceil(tiles / subgroupsPerGroup) * results);
  }
  return foldGroups(Math.ceil(m / rows) * Math.ceil(n / columns) * results);
}

/** What a variant's shader is compiled with, for a product of m rows. */
export function variantDefines(variant: MatmulVariant, m: number): Defines {
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
    case "few_rows":
      return {
        ROWS: [1, 2, 4].find((rows) => m <= rows) ?? fewRows,
        COLUMNS: fewColumns,
        SPLIT: variant.split,
      };
    case "subgroup_matrix":
      return matrixDefines(variant);
    default:
      return {};
  }
}

/** Those of matmul/subgroup_matrix. */
export function matrixDefines({ tile, lanes, unit }: MatmulVariant & { kind: "subgroup_matrix" }): Defines {
  const [m, n, k] = unit.split("x").map(Number);
  return {
    TILE: tile,
    LANES: lanes,
    UNIT_M: m,
    UNIT_N: n,
    UNIT_K: k,
    TALL: tile / 2 / m,
    WIDE: tile / 4 / n,
    PER: (tile * matrixStep) / 4 / (8 * lanes),
  };
}
