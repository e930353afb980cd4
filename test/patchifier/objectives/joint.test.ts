// `joint` with its contrast over the batch: losses and gradients against float64.
import { expect, it } from "vitest";
import { freshSeed, useGpu } from "../../support/gpu.js";
import { expectObjective, type Sample, setUp } from "./check.js";
import { dot, linear, logSumExp, mean, type Params, type Row, tokens, transform } from "./reference.js";

const gpu = useGpu();

function head(x: Row[], params: Params, name: string): Row[] {
  const hidden = linear(x, params, `heads.${name}.0`).map((row) => row.map((value) => Math.max(0, value)));
  return linear(hidden, params, `heads.${name}.2`);
}

function reference(params: Params, { clips, masked: masks, sizes }: Sample): Record<string, number> {
  const [unseen, byMean]: number[][] = [[], []];
  const told: { clip: number; wanted: Row; guess: Row }[] = [];
  clips.forEach((patches, b) => {
    const masked = new Set(masks[b]);
    const encoded = transform(tokens(patches, params, sizes, masked), params, sizes);
    const places = [...masks[b]];
    const seen = patches.filter((_, t) => !masked.has(t));
    const pixels = head(
      places.map((t) => encoded[t]),
      params,
      "reconstruct",
    );
    const guesses = head(
      places.map((t) => encoded[t]),
      params,
      "contrast",
    );
    places.forEach((t, i) => {
      unseen.push(...patches[t].map((value, k) => (pixels[i][k] - value) ** 2));
      byMean.push(...patches[t].map((value, k) => (value - mean(seen.map((patch) => patch[k]))) ** 2));
      told.push({ clip: b, wanted: patches[t], guess: guesses[i] });
    });
  });
  const cosine = (a: Row, b: Row) => dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
  const contrast = (rivals: (clip: number) => typeof told) =>
    mean(
      told.map(({ clip, wanted, guess }) => {
        const scores = Float64Array.from(rivals(clip), (each) => cosine(guess, each.wanted) / 0.3);
        return logSumExp(scores) - cosine(guess, wanted) / 0.3;
      }),
    );
  const parts = {
    infonce: contrast(() => told),
    withinClip: contrast((clip) => told.filter((each) => each.clip === clip)),
    reconstruct: mean(unseen),
    clipMean: mean(byMean),
  };
  return { loss: parts.infonce + 7 * parts.reconstruct, ...parts };
}

it("equals float64, gradients and all", async () => {
  const setup = setUp(gpu(), "joint", freshSeed("joint"), {
    ...{ reconstructWeight: 7, detailWeight: 0, contrast: { temperature: 0.3 } },
  });
  await expectObjective(setup, reference, /^$/);
  expect(setup.sample.clips.length).toBe(2);
  setup.dispose();
});
