// Attention's three kernels as a family for the tuner: which calls share a choice, and which sizes of tile are worth measuring.
// Not here: the launch and the rule (attention.ts), the measurement (tuning.ts).
import type { Capabilities } from "../gpu/capabilities.js";
import type { TunedFamily } from "../gpu/tuner.js";
import { bucketsOf } from "./tuning-buckets.js";

export type AttentionPass = "forward" | "backward_query" | "backward_key";

/** One of the kernels' calls, as the tuner tells it from others. */
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

const passes: readonly AttentionPass[] = ["forward", "backward_query", "backward_key"];

/** The rows that a pass owns. */
export function ownRows({ pass, tq, tk }: Pick<AttentionCase, "pass" | "tq" | "tk">): number {
  return pass === "backward_key" ? tk : tq;
}

/** The one size of this adapter's subgroups, where the tile kernels can be built for it. */
export function tileLanes({ subgroups, subgroupMinSize, subgroupMaxSize }: Capabilities): number | undefined {
  const one = subgroups && subgroupMinSize === subgroupMaxSize && [4, 8, 16].includes(subgroupMinSize);
  return one ? subgroupMinSize : undefined;
}

/** How many invocations the lane kernels can let share a read: 1 without subgroups of at least 4. */
function largestShare({ subgroups, subgroupMinSize }: Capabilities): number {
  return !subgroups || subgroupMinSize < 4 ? 1 : subgroupMinSize >= 8 ? 8 : 4;
}

function rule(capabilities: Capabilities, shape: AttentionCase): AttentionChoice {
  const lanes = capabilities.software ? tileLanes(capabilities) : undefined;
  if (lanes !== undefined) {
    // By measurement, as the shaders' comments say; on lavapipe the compiler's time decides too.
    const blocks = lanes >= 8 ? 1 : Math.ceil(shape.dim / 4) <= 8 ? 4 : 2;
    return { kind: "tile", lanes, blocks, keys: lanes >= 8 ? 2 : 4 };
  }
  const own = ownRows(shape);
  return { kind: "lane", share: largestShare(capabilities), width: own <= 16 ? 16 : own <= 32 ? 32 : 64 };
}

function candidates(capabilities: Capabilities, shape: AttentionCase): AttentionChoice[] {
  const choices = [rule(capabilities, shape)];
  const add = (choice: AttentionChoice) => {
    if (!choices.some((each) => nameOf(each) === nameOf(choice))) choices.push(choice);
  };
  const own = ownRows(shape);
  const lanes = tileLanes(capabilities);
  if (lanes !== undefined) {
    // Sums that a subgroup's invocation keeps; more do not stay in registers, and compile for seconds.
    const columns = Math.ceil(Math.ceil(shape.dim / 4) / lanes);
    for (const blocks of [1, 2, 4]) {
      for (const keys of [1, 2, 4]) {
        if (blocks > 1 && blocks * lanes >= 2 * own) continue;
        if (blocks * lanes * (columns + keys) <= 64) add({ kind: "tile", lanes, blocks, keys });
      }
    }
  }
  if (!capabilities.software || lanes === undefined) {
    for (const share of new Set([1, largestShare(capabilities)])) {
      for (const width of [32, 64, 128]) {
        if (width === 32 || width < 2 * own) add({ kind: "lane", share, width });
      }
    }
  }
  return choices;
}

const nameOf = (choice: AttentionChoice) => Object.values(choice).join("-");

export const attentionFamily: TunedFamily<AttentionCase, AttentionChoice> = {
  name: "attention",
  version: 1,
  shaders: passes.flatMap((pass) => [`attention/${pass}`, `attention/tile_${pass}`]),
  keep: (shape) => ({ ...shape }),
  bucket({ pass, pairs, tq, tk, dim, packed, hidden }) {
    return `${pass} ${bucketsOf(pairs, tq, tk)} ${dim}${packed ? "p" : ""}${hidden ? "h" : ""}`;
  },
  rule,
  candidates,
  nameOf,
  kernelOf: nameOf,
  parse(name, capabilities) {
    const [kind, ...sizes] = name.split("-");
    const [first, second, third] = sizes.map(Number);
    if (kind === "tile" && first === tileLanes(capabilities)) {
      return { kind, lanes: first, blocks: second, keys: third };
    }
    if (kind === "lane" && first <= largestShare(capabilities)) return { kind, share: first, width: second };
    return undefined;
  },
};
