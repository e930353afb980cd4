// The kernels that attention is computed by, and which of them is taken where nothing was measured. Not here: the launch
// (attention.ts), the measured choice (tuning-attention.ts).
import { type Capabilities, exactLanes } from "../gpu/capabilities.js";

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

export type AttentionChoice =
  /** A subgroup's tile: blocks × lanes rows, and keys × lanes of the others at a time. */
  | { kind: "tile"; lanes: number; blocks: number; keys: number }
  /** One invocation a row; `share` of them read the others' rows together, `width` make a workgroup. */
  | { kind: "lane"; share: number; width: number };

/** The rows that a pass owns. */
export function ownRows({ pass, tq, tk }: Pick<AttentionCase, "pass" | "tq" | "tk">): number {
  return pass === "backward_key" ? tk : tq;
}

/** How many invocations the lane kernels can let share a read: 1 without subgroups of at least 4. */
export function largestShare({ subgroups, subgroupMinSize }: Capabilities): number {
  return !subgroups || subgroupMinSize < 4 ? 1 : subgroupMinSize >= 8 ? 8 : 4;
}

export function attentionRule(capabilities: Capabilities, shape: AttentionCase): AttentionChoice {
  const lanes = capabilities.software ? exactLanes(capabilities) : undefined;
  if (lanes !== undefined) {
    // By measurement, as the shaders' comments say; on lavapipe the compiler's time decides too.
    const blocks = lanes >= 8 ? 1 : Math.ceil(shape.dim / 4) <= 8 ? 4 : 2;
    return { kind: "tile", lanes, blocks, keys: lanes >= 8 ? 2 : 4 };
  }
  const own = ownRows(shape);
  return { kind: "lane", share: largestShare(capabilities), width: own <= 16 ? 16 : own <= 32 ? 32 : 64 };
}

/** Attention's kernels; what a tuner knows of them besides is in tuning-attention.ts. */
export const attentionFamily = { name: "attention", rule: attentionRule };
