// The weight of fine structure in `joint` and `reconstruct`: the filter against its definition, losses and gradients against float64.
import { describe, expect, it } from "vitest";
import { DetailFilter, detailMatrix } from "../../../src/patchifier/objectives/detail.js";
import { Random } from "../../../src/tensor/random.js";
import { freshSeed, useGpu } from "../../support/gpu.js";
import { expectNear, expectObjective, type Sample, setUp, tiny } from "./check.js";
import { linear, logSumExp, mean, type Params, type Row, tokens, transform } from "./reference.js";

const gpu = useGpu();

/** The definition: each value less the mean of up to 7 bands around its own, over all frames of the patch. */
function detailOf(patch: ArrayLike<number>, mels: number, frames: number): number[] {
  return Array.from({ length: mels * frames }, (_, i) => {
    const band = Math.floor(i / frames);
    let [sum, count] = [0, 0];
    for (let m = 0; m < mels; m++) {
      if (Math.abs(m - band) > 3) continue;
      for (let f = 0; f < frames; f++) sum += patch[m * frames + f];
      count += frames;
    }
    return patch[i] - sum / count;
  });
}

describe.each([
  [128, 2],
  [16, 16],
  [3, 1],
])("the filter of patches of %i bands and %i frames", (patchMels, patchFrames) => {
  it("is what it is defined as", async () => {
    const random = new Random(freshSeed(`detail ${patchMels}`));
    const size = patchMels * patchFrames;
    expect(detailMatrix({ patchMels, patchFrames }).length).toBe(size * size);
    const errors = Float32Array.from({ length: 5 * size }, () => random.normal());
    const filter = new DetailFilter(gpu(), { ...tiny, patchMels, patchFrames });
    const got = await gpu()
      .scope(() => filter.meanSquare(gpu().tensor(errors, [5, size])))
      .item();
    filter.dispose();
    const rows = Array.from({ length: 5 }, (_, r) => errors.subarray(r * size, (r + 1) * size));
    const squares = rows.flatMap((row) =>
      detailOf(row, patchMels, patchFrames).map((value) => value * value),
    );
    expectNear(got, mean(squares), 1e-5, "mean square");
  });
});

function head(x: Row[], params: Params, name: string): Row[] {
  const hidden = linear(x, params, `heads.${name}.0`).map((row) => row.map((value) => Math.max(0, value)));
  return linear(hidden, params, `heads.${name}.2`);
}

function reference(params: Params, { clips, masked: masks, sizes }: Sample): Record<string, number> {
  const [all, fine, unseen, nce, byMean]: number[][] = [[], [], [], [], []];
  clips.forEach((patches, b) => {
    const masked = new Set(masks[b]);
    const encoded = transform(tokens(patches, params, sizes, masked), params, sizes);
    const pixels = head(encoded, params, "reconstruct");
    patches.forEach((patch, t) => {
      const errors = patch.map((value, i) => pixels[t][i] - value);
      const squares = [...errors].map((value) => value * value);
      all.push(...squares);
      if (masked.has(t)) unseen.push(...squares);
      fine.push(...detailOf(errors, tiny.patchMels, tiny.patchFrames).map((value) => value * value));
    });
    const seen = patches.filter((_, t) => !masked.has(t));
    for (const t of masked) {
      byMean.push(...patches[t].map((value, i) => (value - mean(seen.map((patch) => patch[i]))) ** 2));
    }
    const places = [...masks[b]];
    const predicted = head(
      places.map((t) => encoded[t]),
      params,
      "contrast",
    );
    places.forEach((t, i) => {
      const logits = Float64Array.from(
        predicted,
        (c) => patches[t].reduce((sum, value, k) => sum + value * c[k], 0) / Math.sqrt(patches[t].length),
      );
      nce.push(logSumExp(logits) - logits[i]);
    });
  });
  const [infonce, detail] = [mean(nce), mean(fine)];
  return {
    loss: infonce + 10 * (mean(all) + 6 * detail),
    ...{ infonce, detail, reconstruct: mean(unseen), clipMean: mean(byMean) },
  };
}

it("counts in joint as float64 says, gradients and all", async () => {
  const setup = setUp(gpu(), "joint", freshSeed("joint with detail"), {
    ...{ reconstructWeight: 10, detailWeight: 6, contrast: undefined },
  });
  await expectObjective(setup, reference, /^$/);
  setup.dispose();
});
