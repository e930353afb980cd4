// BEST-RQ: labels, losses and gradients against float64, and that the quantiser follows from the seed and uses its codes.
import { describe, expect, it } from "vitest";
import { drawQuantiser } from "../../../src/patchifier/objectives/bestrq.js";
import { Random } from "../../../src/tensor/random.js";
import { freshSeed, useGpu } from "../../support/gpu.js";
import { expectObjective, type Sample, setUp } from "./check.js";
import {
  dot,
  linear,
  logSumExp,
  mean,
  type Params,
  type Row,
  rowsOf,
  tokens,
  transform,
} from "./reference.js";

const gpu = useGpu();
const settings = { codes: 12, codeWidth: 5 };

function largest(row: Row): number {
  return row.reduce((best, value, i) => (value > row[best] ? i : best), 0);
}

function labelOf(patch: Row, seed: number, { codes, codeWidth } = settings): number {
  const { projection, codebook } = drawQuantiser(seed, patch.length, { codes, codeWidth });
  const projected = Float64Array.from(rowsOf(projection, patch.length), (row) => dot(row, patch));
  return largest(Float64Array.from(rowsOf(codebook, codeWidth), (code) => dot(code, projected)));
}

function reference(params: Params, { clips, masked, sizes }: Sample, seed: number): Record<string, number> {
  const labels = clips.flatMap((patches, b) => [...masked[b]].map((t) => labelOf(patches[t], seed)));
  const logits = clips.flatMap((patches, b) => {
    const encoded = transform(tokens(patches, params, sizes, new Set(masked[b])), params, sizes);
    return linear(
      [...masked[b]].map((t) => encoded[t]),
      params,
      "heads.code",
    );
  });
  const shares = new Float64Array(settings.codes);
  for (const label of labels) shares[label] += 1 / labels.length;
  return {
    loss: mean(logits.map((row, n) => logSumExp(row) - row[labels[n]])),
    accuracy: mean(logits.map((row, n) => Number(largest(row) === labels[n]))),
    perplexity: Math.exp(-shares.reduce((total, share) => total + share * Math.log(share + 1e-7), 0)),
  };
}

describe("bestrq", () => {
  it("equals float64, gradients and all", async () => {
    const seed = freshSeed("bestrq");
    const setup = setUp(gpu(), "bestrq", seed, { bestrq: settings });
    await expectObjective(setup, (params, sample) => reference(params, sample, seed), /^$/);
    setup.dispose();
  });

  it("draws the same quantiser from a seed, of unit vectors", () => {
    const seed = freshSeed("bestrq quantiser");
    const drawn = drawQuantiser(seed, 16, settings);
    expect(drawQuantiser(seed, 16, settings)).toEqual(drawn);
    expect(drawQuantiser(seed + 1, 16, settings)).not.toEqual(drawn);
    for (const code of rowsOf(drawn.codebook, settings.codeWidth))
      expect(Math.hypot(...code)).toBeCloseTo(1, 6);
  });

  it("labels a patch by its direction, not by its length", () => {
    const seed = freshSeed("bestrq labels");
    const random = new Random(seed);
    const used = new Set<number>();
    for (let i = 0; i < 200; i++) {
      const patch = Float64Array.from({ length: 16 }, () => random.normal());
      const label = labelOf(patch, seed);
      expect(
        labelOf(
          patch.map((value) => 3 * value),
          seed,
        ),
      ).toBe(label);
      used.add(label);
    }
    expect(used.size).toBeGreaterThan(settings.codes / 2);
  });
});
