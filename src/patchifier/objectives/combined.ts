// Several objectives in one step, written `a+b`: their losses are added, each with its weight, and each keeps its own crops, heads and
// parts. The first says what is masked.

import type { NamedValues } from "../../nn/parameters.js";
import { add, mul } from "../../ops/binary.js";
import type { Tensor } from "../../tensor/tensor.js";
import type { Losses, ObjectiveKind } from "./objective.js";

declare module "../config.js" {
  interface PretrainConfig {
    /** Of combined objectives by name; 1 where it is not said. */
    weights?: Record<string, number>;
  }
}

/** Objectives that share a step. Those that train parameters of one name cannot be combined: ParameterSet says so. */
export function combined(kinds: readonly ObjectiveKind[]): ObjectiveKind {
  /** A part that is called loss goes by its objective's name. */
  const nameOf = (kind: ObjectiveKind, part: string) => (part === "loss" ? kind.name : part);
  return {
    name: kinds.map(({ name }) => name).join("+"),
    parts: kinds.flatMap((kind) => kind.parts.map((part) => ({ ...part, name: nameOf(kind, part.name) }))),
    needsChroma: kinds.some(({ needsChroma }) => needsChroma),
    reconstructionNote: kinds.find(({ reconstructionNote }) => reconstructionNote)?.reconstructionNote,
    defaults: (model, pretrain) =>
      Object.assign({}, ...kinds.toReversed().map((kind) => kind.defaults(model, pretrain))),
    settings: (pretrain) => Object.assign({}, ...kinds.map((kind) => kind.settings(pretrain))),
    specs: (sizes, config, pretrain) => kinds.flatMap((kind) => kind.specs(sizes, config, pretrain)),
    create(gpu, options) {
      const members = kinds.map((kind) => ({ kind, own: kind.create(gpu, options) }));
      const first = members.find(({ own }) => own.reconstruct)?.own;
      const { weights = {} } = options.pretrain;
      const bytes = members.reduce((total, { own }) => total + (own.bytes ?? 0), 0);
      return {
        bytes,
        comparesBatch: members.some(({ own }) => own.comparesBatch),
        inputs: (masked, tokens, drawn) =>
          Object.assign({}, ...members.map(({ own }) => own.inputs?.(masked, tokens, drawn))),
        losses(batch, training, trace) {
          let total: Tensor | undefined;
          const parts: Record<string, Tensor | undefined> = {};
          for (const { kind, own } of members) {
            const { loss, ...rest } = own.losses(batch, training, trace);
            const weighted = mul(loss, weights[kind.name] ?? 1);
            total = total ? add(total, weighted) : weighted;
            if (kind.parts.some(({ name }) => name === "loss")) parts[kind.name] = loss;
            Object.assign(parts, rest);
          }
          return { loss: total, ...parts } as Losses;
        },
        ...(first && { reconstruct: (batch) => (first.reconstruct as (of: typeof batch) => Tensor)(batch) }),
        updated(clipper) {
          for (const { own } of members) own.updated?.(clipper);
        },
        ...(members.some(({ own }) => own.state) && {
          async state() {
            const all = new Map<string, NamedValues extends ReadonlyMap<string, infer V> ? V : never>();
            for (const { own } of members) {
              for (const [name, value] of (await own.state?.()) ?? []) all.set(name, value);
            }
            return all;
          },
          restore(state: NamedValues) {
            for (const { own } of members) own.restore?.(state);
          },
        }),
        dispose() {
          for (const { own } of members) own.dispose?.();
        },
      };
    },
  };
}
