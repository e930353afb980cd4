// What a kernel for matrix products is: one object with its shader, its tile, what it is compiled with and how it is launched, and a
// family of such objects with where they work. Each family stands in a file of its own beside this one; list.ts names them.
import type { Capabilities } from "../../gpu/capabilities.js";
import type { Defines } from "../../gpu/preprocess.js";

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

/** What is asked of an adapter. */
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

/** A kernel for a product. */
export interface MatmulVariant {
  /** As tables write it: the shader, then what tells it from others of its family. */
  readonly name: string;
  /** Its file below shaders/matmul. */
  readonly shader: string;
  /** Results of one workgroup. */
  readonly tile: { rows: number; columns: number };
  /** Its part of the summed axis is a multiple of this; 4 by default. */
  readonly sliceUnit?: number;
  /** It loads one value at a time, even where everything could move by vec4. */
  readonly scalar?: boolean;
  /** It can sum a transposed A over k on the way. */
  readonly sumsA?: boolean;
  /** Whether it takes products of this shape; all by default. */
  fits?(shape: ProductShape): boolean;
  /** What its shader is compiled with, for a product of m rows. */
  defines?(m: number): Defines;
  /** Workgroups for `results` matrices; by default one a tile. */
  groups?(m: number, n: number, results: number): number;
}

/** Variants that share a shader. */
export interface MatmulVariantFamily {
  readonly shader: string;
  /** Those that an adapter can run. */
  variants(capabilities: MatmulCapabilities): MatmulVariant[];
  /** Of those the ones that are worth measuring for a shape on an adapter; all by default. */
  worthwhile?(
    variants: MatmulVariant[],
    shape: ProductShape,
    capabilities: MatmulCapabilities,
  ): MatmulVariant[];
  /** The one whose shader was compiled with these defines. */
  ofDefines(define: (name: string) => number): MatmulVariant;
}

/** Whether a variant that the adapter can run takes a product of this shape. */
export function fits(variant: MatmulVariant, shape: ProductShape): boolean {
  return variant.fits?.(shape) ?? true;
}

/** Whether everything can move by vec4. */
export function isAligned({ m, n, k, transposeA }: ProductShape): boolean {
  return n % 4 === 0 && k % 4 === 0 && (!transposeA || m % 4 === 0);
}
