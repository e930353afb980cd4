// Attention's three kernels as a family for the tuner: which calls share a choice, and which variants are worth measuring. Not here:
// the kernels (attention-variants/), the rule (attention-rule.ts), the measurement (tuning.ts).
import type { TunedFamily } from "../gpu/tuner.js";
import { chooseAttention } from "./attention-rule.js";
import { lane, largestShare } from "./attention-variants/lane.js";
import { attentionVariantFamilies, shadersOf } from "./attention-variants/list.js";
import type { AttentionCase, AttentionVariant } from "./attention-variants/variant.js";
import { bucketsOf } from "./tuning-buckets.js";

/** All of the family. */
export const attentionTuning: TunedFamily<AttentionCase, AttentionVariant> = {
  name: "attention",
  version: 1,
  shaders: attentionVariantFamilies.flatMap(shadersOf),
  keep: (shape) => ({ ...shape }),
  bucket({ pass, pairs, tq, tk, dim, packed, hidden }) {
    return `${pass} ${bucketsOf(pairs, tq, tk)} ${dim}${packed ? "p" : ""}${hidden ? "h" : ""}`;
  },
  rule: chooseAttention,
  candidates(capabilities, shape) {
    const first = chooseAttention(capabilities, shape);
    const others = attentionVariantFamilies.flatMap((family) =>
      family.worthwhile(family.variants(capabilities), shape, capabilities),
    );
    return [first, ...others.filter(({ name }) => name !== first.name)];
  },
  plainest: (capabilities) => [largestShare(capabilities), 1].map((share) => lane(share, 32)),
  nameOf: ({ name }) => name,
  kernelOf: ({ name }) => name,
  parse: (name, capabilities) =>
    attentionVariantFamilies
      .flatMap((family) => family.variants(capabilities))
      .find((variant) => variant.name === name),
};
