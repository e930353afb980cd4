// Attention's three kernels as a family for the tuner: which calls share a choice, and which sizes of tile are worth measuring.
// Not here: the kernels and the rule (attention-variants.ts), the measurement (tuning.ts).
import { type Capabilities, exactLanes } from "../gpu/capabilities.js";
import type { TunedFamily } from "../gpu/tuner.js";
import {
  type AttentionCase,
  type AttentionChoice,
  type AttentionPass,
  attentionRule,
  largestShare,
  ownRows,
} from "./attention-variants.js";
import { bucketsOf } from "./tuning-buckets.js";

const passes: readonly AttentionPass[] = ["forward", "backward_query", "backward_key"];

function candidates(capabilities: Capabilities, shape: AttentionCase): AttentionChoice[] {
  const choices = [attentionRule(capabilities, shape)];
  const add = (choice: AttentionChoice) => {
    if (!choices.some((each) => nameOf(each) === nameOf(choice))) choices.push(choice);
  };
  const own = ownRows(shape);
  const lanes = exactLanes(capabilities);
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

export const attentionTuning: TunedFamily<AttentionCase, AttentionChoice> = {
  name: "attention",
  version: 1,
  shaders: passes.flatMap((pass) => [`attention/${pass}`, `attention/tile_${pass}`]),
  keep: (shape) => ({ ...shape }),
  bucket({ pass, pairs, tq, tk, dim, packed, hidden }) {
    return `${pass} ${bucketsOf(pairs, tq, tk)} ${dim}${packed ? "p" : ""}${hidden ? "h" : ""}`;
  },
  rule: attentionRule,
  candidates,
  plainest: (capabilities) =>
    [largestShare(capabilities), 1].map((share) => ({ kind: "lane" as const, share, width: 32 })),
  nameOf,
  kernelOf: nameOf,
  parse(name, capabilities) {
    const [kind, ...sizes] = name.split("-");
    const [first, second, third] = sizes.map(Number);
    if (kind === "tile" && first === exactLanes(capabilities)) {
      return { kind, lanes: first, blocks: second, keys: third };
    }
    if (kind === "lane" && first <= largestShare(capabilities)) return { kind, share: first, width: second };
    return undefined;
  },
};
