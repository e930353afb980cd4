// `targets`: the hand-made descriptions against their definitions, losses and gradients against float64, and what a page is told that
// has no chroma.
import { expect, it } from "vitest";
import { handTargets, targetSizes } from "../../../src/patchifier/objectives/hand-targets.js";
import { Random } from "../../../src/tensor/random.js";
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
const settings = { width: 8, layers: 1, heads: 2, spectrogramWeight: 0.7, crops: 40 };

it("describes a crop as it is defined", () => {
  const random = new Random(freshSeed("hand-made targets"));
  const [nMels, frames] = [128, 128];
  const sizes = targetSizes({ sampleRate: 16000, hopLength: 512 });
  expect(sizes.lags).toEqual([8, 47]);
  const mel = Float32Array.from({ length: nMels * frames }, () => 4 * random.uniform());
  const chroma = Float32Array.from({ length: 12 * frames }, () => random.uniform());
  const out = new Float32Array(sizes.chroma + sizes.rhythm + sizes.timbre);
  handTargets(mel, chroma, frames, sizes, out);
  const expected: number[] = [];
  for (let k = 0; k < 12; k++) expected.push(mean(chroma.subarray(k * frames, (k + 1) * frames)));
  for (let band = 0; band < 4; band++) {
    const rises = Array.from({ length: frames - 1 }, (_, t) => {
      let sum = 0;
      for (let m = 32 * band; m < 32 * (band + 1); m++) {
        sum += Math.max(0, mel[m * frames + t + 1] - mel[m * frames + t]);
      }
      return sum;
    });
    const centre = mean(rises);
    const energy = rises.reduce((sum, o) => sum + (o - centre) ** 2, 0);
    for (let lag = 8; lag <= 47; lag++) {
      const own = rises.slice(0, rises.length - lag).map((o, t) => (o - centre) * (rises[t + lag] - centre));
      expected.push(own.reduce((a, b) => a + b, 0) / energy);
    }
  }
  const cepstra = Array.from({ length: 20 }, (_, k) =>
    Float64Array.from({ length: frames }, (_, t) => {
      let sum = 0;
      for (let m = 0; m < nMels; m++)
        sum += mel[m * frames + t] * Math.cos((Math.PI / nMels) * (m + 0.5) * k);
      return sum * Math.sqrt((k === 0 ? 1 : 2) / nMels);
    }),
  );
  expected.push(...cepstra.map((row) => moments(row).mean));
  expected.push(...cepstra.map((row) => Math.sqrt(moments(row).variance)));
  expect(out.length).toBe(expected.length);
  for (const [i, value] of expected.entries()) {
    expectNear(out[i], value, 1e-4 * Math.max(1, Math.abs(value)), `value ${i}`);
  }
});

it("says nothing of rhythm in a crop in which nothing rises", () => {
  const sizes = targetSizes({ sampleRate: 16000, hopLength: 512 });
  const out = new Float32Array(sizes.chroma + sizes.rhythm + sizes.timbre).fill(Number.NaN);
  handTargets(new Float32Array(128 * 128).fill(2), new Float32Array(12 * 128), 128, sizes, out);
  expect(out.every(Number.isFinite)).toBe(true);
  expect(out.subarray(12, 12 + sizes.rhythm).every((value) => value === 0)).toBe(true);
});

const huber = (x: number) => (Math.abs(x) <= 1 ? x * x * 0.5 : Math.abs(x) - 0.5);

function reference(params: Params, { clips, hidden, sizes, extra }: Sample): Record<string, number> {
  const { chroma, rhythm, timbre } = targetSizes(tiny.frontEnd);
  const wanted = rowsOf(extra.handTargets, chroma + rhythm + timbre);
  const pixels: number[] = [];
  const errors: { chroma: number[]; rhythm: number[]; timbre: number[] } = {
    chroma: [],
    rhythm: [],
    timbre: [],
  };
  const plain: typeof errors = { chroma: [], rhythm: [], timbre: [] };
  clips.forEach((patches, b) => {
    const masked = new Set(hidden[b]);
    const visible = patches.map((_, t) => t).filter((t) => !masked.has(t));
    const all = tokens(patches, params, sizes);
    const seen = visible.map((t) => all[t]);
    const encoded = transform(seen, params, sizes);
    const narrow = linear(encoded, params, "decoder.embed");
    const full = patches.map((_, t) =>
      masked.has(t) ? param(params, "decoder.mask_token") : narrow[visible.indexOf(t)],
    );
    let x = plus(full, rowsOf(param(params, "decoder.pos_embed"), settings.width));
    for (let i = 0; i < settings.layers; i++)
      x = block(x, params, `decoder.blocks.${i}`, settings.heads).output;
    const drawn = linear(norm(x, params, "decoder.norm"), params, "decoder.pred");
    for (const t of masked) {
      const { mean: centre, variance } = moments(patches[t]);
      const n = patches[t].length;
      const deviation = Math.sqrt((variance * n) / (n - 1) + 1e-6);
      pixels.push(...patches[t].map((value, i) => (drawn[t][i] - (value - centre) / deviation) ** 2));
    }
    const pooled = Float64Array.from({ length: sizes.width }, (_, i) => mean(encoded.map((row) => row[i])));
    const [told] = linear([pooled], params, "heads.targets");
    told.forEach((value, i) => {
      const family = i < chroma ? "chroma" : i < chroma + rhythm ? "rhythm" : "timbre";
      errors[family].push(huber(value - wanted[b][i]));
      plain[family].push(huber(wanted[b][i]));
    });
  });
  const parts = {
    pixelMse: mean(pixels),
    ...{ chroma: mean(errors.chroma), rhythm: mean(errors.rhythm), timbre: mean(errors.timbre) },
  };
  return {
    loss: 0.7 * parts.pixelMse + parts.chroma + parts.rhythm + parts.timbre,
    ...parts,
    ...{ chromaMean: mean(plain.chroma), rhythmMean: mean(plain.rhythm), timbreMean: mean(plain.timbre) },
  };
}

it("equals float64, gradients and all", async () => {
  const setup = setUp(gpu(), "targets", freshSeed("targets"), { targets: settings, maskRatio: 0.5 });
  await setup.readExtra();
  const spread = moments(Float64Array.from(setup.sample.extra.handTargets)).variance;
  expect(spread).toBeGreaterThan(0.1);
  await expectObjective(setup, reference, /^mask_token$/);
  setup.dispose();
});

it("says what to do where there is no chroma", () => {
  const setup = setUp(gpu(), "targets", 1, { targets: settings });
  const drawn = setup.drawn();
  const silent = { ...drawn, music: { ...drawn.music, chroma: undefined } };
  const bare = setUp(gpu(), "targets", 1, { targets: settings });
  const asked = () => bare.objective.inputs?.(bare.sample.hidden, bare.model.sizes.tokens, silent);
  // The music that is trained on has it; the crops of this one have not.
  expect(asked).toThrow(/chroma of recordings.*melgrad train/);
  setup.dispose();
  bare.dispose();
});
