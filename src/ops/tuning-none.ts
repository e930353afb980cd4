// Stands in for tuning-matmul.ts and tuning-attention.ts where the engine is built alone: the rules, without what only a tuner
// asks for.
import { attentionRule } from "./attention-variants.js";

export const matmulTuning = <Rule>({ rule }: { rule: Rule }): { rule: Rule } => ({ rule });

export const attentionFamily = { rule: attentionRule };
