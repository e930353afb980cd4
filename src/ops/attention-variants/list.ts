// All kernels for attention, for whoever tries, measures or checks each of them. A new one is a file beside this one, its WGSL, and its
// name here; what a rule takes untimed is in attention-rule.ts.
import { laneFamily } from "./lane.js";
import { tileFamily } from "./tile.js";
import type { AttentionPass, AttentionVariantFamily } from "./variant.js";

/** In the order in which a training step runs them. */
export const attentionPasses: readonly AttentionPass[] = ["forward", "backward_query", "backward_key"];

/** In the order in which they are measured. */
export const attentionVariantFamilies: readonly AttentionVariantFamily[] = [tileFamily, laneFamily];

/** The shaders of a family, below shaders/. */
export const shadersOf = ({ prefix }: AttentionVariantFamily): string[] =>
  attentionPasses.map((pass) => `attention/${prefix}${pass}`);
