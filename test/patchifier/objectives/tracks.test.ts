// `tracks`: losses and gradients against float64, and the views against the crops that they are made of.
import { expect, it } from "vitest";
import { freshSeed, useGpu } from "../../support/gpu.js";
import { expectNear, expectObjective, type Sample, setUp, tiny } from "./check.js";
import {
  dot,
  linear,
  logSumExp,
  mean,
  type Params,
  param,
  type Row,
  rowsOf,
  transform,
} from "./reference.js";

const gpu = useGpu();
const settings = { pairs: 6, dropped: 0.5, projected: 5, temperature: 0.2, gain: 4, equaliser: 3 };
const [tokens, keep, values] = [8, 4, 16];

function reference(params: Params, { sizes, extra }: Sample): Record<string, number> {
  const { pairs, temperature } = settings;
  const patches = rowsOf(extra.viewPatches, values);
  const positions = rowsOf(param(params, "pos_embed"), sizes.width);
  const views = Array.from({ length: 2 * pairs }, (_, view): Row => {
    const own = linear(patches.slice(view * keep, (view + 1) * keep), params, "patch_embed").map((row, i) => {
      const at = extra.viewNumbers[view * keep + i];
      return row.map((value, k) => value + positions[at][k]);
    });
    const encoded = transform(own, params, sizes);
    const pooled = Float64Array.from({ length: sizes.width }, (_, k) => mean(encoded.map((row) => row[k])));
    const [hidden] = linear([pooled], params, "heads.track.0").map((row) => row.map((x) => Math.max(0, x)));
    return linear([hidden], params, "heads.track.2")[0];
  });
  const rival = (i: number, j: number) => i === j || extra.sameTrack[i * pairs + j] === 0;
  const cosine = (i: number, j: number) => {
    const [a, b] = [views[i], views[pairs + j]];
    return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b)) / temperature;
  };
  const numbers = Array.from({ length: pairs }, (_, i) => i);
  const losses = numbers.flatMap((i) => {
    const rivals = numbers.filter((j) => rival(i, j));
    return [
      logSumExp(Float64Array.from(rivals, (j) => cosine(i, j))) - cosine(i, i),
      logSumExp(Float64Array.from(rivals, (j) => cosine(j, i))) - cosine(i, i),
    ];
  });
  const guesses = numbers.map((i) => Math.log(numbers.filter((j) => rival(i, j)).length));
  return { loss: mean(losses), trackContrast: mean(losses), trackGuess: mean(guesses) };
}

it("equals float64, gradients and all", async () => {
  const setup = setUp(gpu(), "tracks", freshSeed("tracks"), { tracks: settings });
  await setup.readExtra();
  // Two tracks, so that there are pairs of one track that are no rivals.
  expect(setup.sample.extra.sameTrack.some((flag) => flag === 1)).toBe(true);
  await expectObjective(setup, reference, /^mask_token$/);
  setup.dispose();
});

it("cuts views out of crops of one track, each louder or softer by mel and by nothing else", async () => {
  const seed = freshSeed("views");
  const setup = setUp(gpu(), "tracks", seed, { tracks: settings });
  await setup.readExtra();
  const { viewPatches, viewNumbers } = setup.sample.extra;
  const { random, music } = setup.drawn();
  const first = Array.from({ length: settings.pairs }, () => music.place(random));
  const [nMels, frames] = [tiny.frontEnd.nMels, tiny.cropFrames];
  first.forEach((place, view) => {
    const mel = new Float32Array(nMels * frames);
    music.read(place, frames, mel, 0);
    const gains: number[][] = Array.from({ length: nMels }, () => []);
    const numbers = [...viewNumbers.subarray(view * keep, (view + 1) * keep)];
    expect(new Set(numbers).size).toBe(keep);
    numbers.forEach((token, i) => {
      expect(token).toBeLessThan(tokens);
      const [column, row] = [Math.floor(token / 2), token % 2];
      for (let v = 0; v < values; v++) {
        const [m, f] = [4 * row + Math.floor(v / 4), 4 * column + (v % 4)];
        const was = 10 ** mel[m * frames + f] - 1;
        const is = 10 ** (viewPatches[(view * keep + i) * values + v] * 1.6 + 1.2) - 1;
        if (was > 1) gains[m].push(10 * Math.log10(is / was));
      }
    });
    for (const own of gains) {
      for (const gain of own) expectNear(gain, own[0], 0.01, "decibels of a mel");
    }
    const heard = gains.flatMap((own) => own.slice(0, 1));
    expect(Math.max(...heard.map(Math.abs))).toBeLessThan(50);
  });
  setup.dispose();
});
