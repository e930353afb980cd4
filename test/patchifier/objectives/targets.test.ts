// `targets`: the hand-made descriptions against their definitions, losses and gradients against float64, and what a page is told that
// has no chroma.
import { expect, it } from "vitest";
import { familyNames, handTargets, targetSizes } from "../../../src/patchifier/objectives/hand-targets.js";
import type { TargetSettings } from "../../../src/patchifier/objectives/targets.js";
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
  type Rows,
  rowsOf,
  standardise,
  tokens,
  transform,
} from "./reference.js";

const gpu = useGpu();
const settings: TargetSettings = { width: 8, layers: 1, heads: 2, spectrogramWeight: 0.7, crops: 40 };

/** Lags in seconds: 96 from 0.2 to 2, evenly by their logarithm. */
const lags = Array.from({ length: 96 }, (_, i) => 0.2 * 10 ** (i / 95));
const perSecond = 16000 / 512;

/** The autocorrelation of a centred curve, a mean of products, at a lag between frames. */
function repeats(curve: readonly number[], seconds: number): number {
  const centre = mean(curve);
  const at = (lag: number) =>
    mean(curve.slice(0, curve.length - lag).map((o, t) => (o - centre) * (curve[t + lag] - centre)));
  const lag = seconds * perSecond;
  const [left, share] = [Math.floor(lag), lag - Math.floor(lag)];
  return ((1 - share) * at(left) + share * at(left + 1)) / at(0);
}

function softmax(values: readonly number[]): number[] {
  const powers = values.map((value) => Math.exp(value));
  return powers.map((power) => power / powers.reduce((a, b) => a + b, 0));
}

it("describes a crop as it is defined", () => {
  const random = new Random(freshSeed("hand-made targets"));
  const [nMels, frames] = [128, 128];
  const mel = Float32Array.from({ length: nMels * frames }, () => 4 * random.uniform());
  const chroma = Float32Array.from({ length: 12 * frames }, () => random.uniform());
  const out = new Float32Array(targetSizes({ nMels }).all);
  handTargets(mel, chroma, frames, perSecond, out);
  const classes = Array.from({ length: 12 }, (_, k) => mean(chroma.subarray(k * frames, (k + 1) * frames)));
  const expected = [...classes];
  // Krumhansl and Kessler's profiles, by Pearson's correlation.
  const major = [6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88];
  const minor = [6.33, 2.68, 3.52, 5.38, 2.6, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17];
  const fits = [major, minor].flatMap((profile) =>
    classes.map((_, tonic) => {
      const own = classes.map((__, k) => classes[(k + tonic) % 12]);
      const [a, b] = [own, profile].map((values) => moments(Float64Array.from(values)));
      return (
        mean(own.map((value, k) => (value - a.mean) * (profile[k] - b.mean))) /
        Math.sqrt(a.variance * b.variance)
      );
    }),
  );
  expected.push(...softmax(fits.map((fit) => 12 * fit)));
  const bands = [
    [0, 128],
    [0, 32],
    [32, 64],
    [64, 96],
    [96, 128],
  ];
  const grams = bands.map(([from, to]) => {
    const rises = Array.from({ length: frames - 1 }, (_, t) => {
      let sum = 0;
      for (let m = from; m < to; m++) sum += Math.max(0, mel[m * frames + t + 1] - mel[m * frames + t]);
      return sum;
    });
    return lags.map((lag) => repeats(rises, lag));
  });
  expected.push(...grams.flat());
  const perOctave = 95 / Math.log2(10);
  const strengths = lags.map((lag, i) => {
    const double = i + perOctave;
    const left = Math.floor(double);
    const twice =
      left + 1 < 96 ? grams[0][left] + (double - left) * (grams[0][left + 1] - grams[0][left]) : 0;
    return Math.exp(-0.5 * (Math.log2(lag / 0.5) / 0.9) ** 2) * (grams[0][i] + 0.5 * twice);
  });
  const strongest = Math.max(...strengths);
  expect(strongest).toBeGreaterThan(0);
  expected.push(...softmax(strengths.map((strength) => (12 * strength) / strongest)));
  const bandsOver = Array.from({ length: nMels }, (_, m) =>
    moments(Float64Array.from(mel.subarray(m * frames, (m + 1) * frames))),
  );
  expected.push(...bandsOver.map((band) => band.mean), ...bandsOver.map((band) => Math.sqrt(band.variance)));
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
  const sizes = targetSizes({ nMels: 128 });
  const out = new Float32Array(sizes.all).fill(Number.NaN);
  handTargets(new Float32Array(128 * 128).fill(2), new Float32Array(12 * 128), 128, perSecond, out);
  expect(out.every(Number.isFinite)).toBe(true);
  const from = sizes.chroma + sizes.key;
  expect(out.subarray(from, from + sizes.rhythm).every((value) => value === 0)).toBe(true);
  // No key and no tempo is likelier than another.
  expect(new Set(out.subarray(sizes.chroma, from)).size).toBe(1);
  expect(new Set(out.subarray(from + sizes.rhythm, from + sizes.rhythm + sizes.tempo)).size).toBe(1);
});

const huber = (x: number) => (Math.abs(x) <= 1 ? x * x * 0.5 : Math.abs(x) - 0.5);

/** The logarithm of each rate's share in the power of curves [time][values], centred already, under a Hann window. */
function shares(curves: readonly ArrayLike<number>[], count: number): number[] {
  const length = curves.length;
  const power = Array.from({ length: count }, (_, k) => {
    let total = 0;
    for (let i = 0; i < curves[0].length; i++) {
      let [re, im] = [0, 0];
      for (let t = 0; t < length; t++) {
        const value = curves[t][i] * 0.5 * (1 - Math.cos((2 * Math.PI * (t + 0.5)) / length));
        re += value * Math.cos((2 * Math.PI * (k + 1) * (t + 0.5)) / length);
        im += value * Math.sin((2 * Math.PI * (k + 1) * (t + 0.5)) / length);
      }
      total += (re * re + im * im) / curves[0].length;
    }
    return total;
  });
  const whole = power.reduce((a, b) => a + b, 0);
  return power.map((value) => Math.log(value / (whole + 1e-12) + 1e-4));
}

/** How fast visible tokens vary, and the size of their changes, of a grid with `rows` patches a column: twice columns / 2 values. */
function variation(seen: Rows, visible: readonly number[], all: number, rows: number): number[] {
  const centre = seen[0].map((_, i) => mean(seen.map((row) => row[i])));
  const at = new Map(visible.map((t, n) => [t, seen[n].map((value, i) => value - centre[i])]));
  const columns = all / rows;
  const zeros = new Float64Array(centre.length);
  const course = Array.from({ length: columns }, (_, c) =>
    Array.from({ length: rows }, (_, r) => [...(at.get(c * rows + r) ?? zeros)]).flat(),
  );
  const changes = Array.from({ length: columns - 1 }, (_, c) => {
    const both = Array.from({ length: rows }, (_, r) => [at.get(c * rows + r), at.get((c + 1) * rows + r)]);
    return both.flatMap(([a, b]) => (a && b ? [mean([...a.map((value, i) => Math.abs(value - b[i]))])] : []));
  });
  const pairs = changes.flat();
  const usual = pairs.reduce((a, b) => a + b, 0) / Math.max(1, pairs.length);
  const curve = changes.map((each) => [each.reduce((a, b) => a + b - usual, 0)]);
  const count = Math.floor(columns / 2);
  return [course, curve].flatMap((curves) => [
    ...standardise(Float64Array.from(shares(curves, count)), 1e-5),
  ]);
}

function reference(params: Params, { clips, masked: masks, sizes, extra }: Sample): Record<string, number> {
  const values = targetSizes(tiny.frontEnd);
  const wanted = rowsOf(extra.handTargets, values.all);
  const of = familyNames.flatMap((family) => new Array<typeof family>(values[family]).fill(family));
  const pixels: number[] = [];
  const perFamily = () => new Map(familyNames.map((family) => [family, [] as number[]]));
  const [errors, plain] = [perFamily(), perFamily()];
  clips.forEach((patches, b) => {
    const masked = new Set(masks[b]);
    const visible = patches.map((_, t) => t).filter((t) => !masked.has(t));
    const all = tokens(patches, params, sizes);
    const seen = visible.map((t) => all[t]);
    const blocks: Rows[] = [];
    for (let i = 0; i < sizes.layers; i++)
      blocks.push(block(blocks.at(-1) ?? seen, params, `blocks.${i}`, sizes.heads).output);
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
    if (params.has("heads.rhythm.weight")) {
      const read = blocks.flatMap((rows) => variation(rows, visible, patches.length, sizes.rows ?? 1));
      rowsOf(param(params, "heads.rhythm.weight"), read.length).forEach((weights, i) => {
        const sum = weights.reduce((total, weight, k) => total + weight * read[k], 0);
        told[values.chroma + values.key + i] += (sum * sizes.width) / read.length;
      });
    }
    told.forEach((value, i) => {
      errors.get(of[i])?.push(huber(value - wanted[b][i]));
      plain.get(of[i])?.push(huber(wanted[b][i]));
    });
  });
  const parts: Record<string, number> = { pixelMse: mean(pixels) };
  let loss = 0.7 * parts.pixelMse;
  for (const family of familyNames) {
    parts[family] = mean(errors.get(family) ?? []);
    parts[`${family}Mean`] = mean(plain.get(family) ?? []);
    loss += parts[family];
  }
  return { loss, ...parts };
}

it.each([
  ["from the mean", {}],
  ["from how fast tokens vary", { rhythmFrom: "modulation" as const }],
])("equals float64, gradients and all, with rhythm told %s", async (_, more) => {
  const own = { targets: { ...settings, ...more }, maskRatio: 0.5 };
  const setup = setUp(gpu(), "targets", freshSeed("targets"), own);
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
  const asked = () => bare.objective.inputs?.(bare.sample.masked, bare.model.sizes.tokens, silent);
  // The music that is trained on has it; the crops of this one have not.
  expect(asked).toThrow(/chroma of recordings.*melgrad train/);
  setup.dispose();
  bare.dispose();
});
