// The masked autoencoder: its loss and every gradient against float64, and that masked patches reach nothing but the target.
import { expect, it } from "vitest";
import { uploadMask } from "../../../src/patchifier/masks.js";
import { maeSettings } from "../../../src/patchifier/objectives/mae.js";
import { freshSeed, useGpu } from "../../support/gpu.js";
import { expectNear, expectObjective, type Sample, setUp, tiny } from "./check.js";
import {
  block,
  linear,
  mean,
  moments,
  norm,
  type Params,
  param,
  plus,
  rowsOf,
  tokens,
  transform,
} from "./reference.js";

const gpu = useGpu();

function reference(params: Params, { clips, masked: masks, sizes }: Sample): Record<string, number> {
  const { width, layers, heads } = maeSettings(tiny);
  const errors = clips.flatMap((patches, b) => {
    const masked = new Set(masks[b]);
    const visible = patches.map((_, t) => t).filter((t) => !masked.has(t));
    const all = tokens(patches, params, sizes);
    const encoded = transform(
      visible.map((t) => all[t]),
      params,
      sizes,
    );
    const narrow = linear(encoded, params, "decoder.embed");
    const full = patches.map((_, t) =>
      masked.has(t) ? param(params, "decoder.mask_token") : narrow[visible.indexOf(t)],
    );
    let x = plus(full, rowsOf(param(params, "decoder.pos_embed"), width));
    for (let i = 0; i < layers; i++) x = block(x, params, `decoder.blocks.${i}`, heads).output;
    const predicted = linear(norm(x, params, "decoder.norm"), params, "decoder.pred");
    return [...masks[b]].map((t) => {
      const { mean: centre, variance } = moments(patches[t]);
      const n = patches[t].length;
      const deviation = Math.sqrt((variance * n) / (n - 1) + 1e-6);
      return mean(patches[t].map((value, i) => (predicted[t][i] - (value - centre) / deviation) ** 2));
    });
  });
  const pixelMse = mean(errors);
  return { loss: pixelMse, pixelMse };
}

it("equals float64, gradients and all", async () => {
  const setup = setUp(gpu(), "mae", freshSeed("mae"));
  await expectObjective(setup, reference, /^mask_token$/);
  setup.dispose();
});

it("does not let the encoder see masked patches, and draws in the units of the patches", async () => {
  const setup = setUp(gpu(), "mae", freshSeed("mae unseen"));
  const { objective, sample, model } = setup;
  const [T, P] = [model.sizes.tokens, model.sizes.values];
  const draw = async (change: number) => {
    const flat = Float32Array.from(
      sample.clips.flatMap((clip, b) =>
        clip.flatMap((row, t) => [
          ...row.map((value) => (sample.masked[b].includes(t) ? change * value + 3 : value)),
        ]),
      ),
    );
    const drawn = gpu().noGrad(() =>
      objective.reconstruct?.({
        patches: gpu().tensor(flat, [2, T, P]),
        mask: uploadMask(gpu(), sample.masked, T),
        extra: objective.inputs?.(sample.masked, T) ?? {},
      }),
    );
    return rowsOf((await drawn?.data()) ?? [], P);
  };
  const [once, twice] = [await draw(1), await draw(2)];
  const targets = sample.clips.flatMap((clip, b) => [...sample.masked[b]].map((t) => clip[t]));
  targets.forEach((target, i) => {
    // The normalised prediction must not have changed: only the mean and the deviation that it is drawn with.
    const { mean: centre } = moments(target);
    once[i].forEach((value, k) => {
      const shape = value - centre - 3;
      expectNear(twice[i][k], 2 * centre + 3 + 2 * shape, 1e-4 + 1e-3 * Math.abs(shape), `patch ${i}`);
    });
  });
  expect(once.length).toBe(targets.length);
  setup.dispose();
});
