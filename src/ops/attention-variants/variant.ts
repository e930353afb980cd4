// What a kernel for attention is: one object that says how many rows a workgroup owns and what its three shaders (one a pass) are
// compiled with, and a family of such objects with where they work. Each family stands in a file of its own beside this one; list.ts
// names them.
import type { Capabilities } from "../../gpu/capabilities.js";
import type { Defines } from "../../gpu/preprocess.js";

/** Forward, the gradient of the queries, or that of keys and values. */
export type AttentionPass = "forward" | "backward_query" | "backward_key";

/** One of the kernels' calls, as one is told from others. */
export interface AttentionCase {
  pass: AttentionPass;
  /** Batch × heads. */
  pairs: number;
  heads: number;
  /** Queries and keys. */
  tq: number;
  tk: number;
  dim: number;
  packed: boolean;
  /** Keys are hidden by keyKeep; masks are measured as if there were none. */
  hidden: boolean;
}

/** A kernel for attention's three passes. */
export interface AttentionVariant {
  /** As tables write it: the family, then what tells it from others there. */
  readonly name: string;
  /** What its shaders' names in shaders/attention begin with, before the pass. */
  readonly prefix: string;
  /** Own rows of one workgroup. */
  readonly rows: number;
  /** What its shader is compiled with for a case. */
  defines(shape: AttentionCase): Defines;
}

/** Variants that share their shaders. */
export interface AttentionVariantFamily {
  /** That of its variants. */
  readonly prefix: string;
  /** Those that an adapter can run. */
  variants(capabilities: Capabilities): AttentionVariant[];
  /** Of those the ones that are worth measuring for a case on an adapter. */
  worthwhile(
    variants: AttentionVariant[],
    shape: AttentionCase,
    capabilities: Capabilities,
  ): AttentionVariant[];
  /** The one whose shader was compiled with these defines. */
  ofDefines(define: (name: string) => number): AttentionVariant;
}

/** The rows that a pass owns: each is one row of its result. */
export function ownRows({ pass, tq, tk }: Pick<AttentionCase, "pass" | "tq" | "tk">): number {
  return pass === "backward_key" ? tk : tq;
}
