// wav2vec 2.0: losses and gradients against float64 with the same noise. The choice of codes has no derivative: the reference
// keeps what was chosen and lets the softmax of the noisy logits move, which is what the straight-through gradient says.
import { describe, expect, it } from "vitest";
import { dropoutKey, hash32 } from "../../../src/ops/dropout.js";
import { freshSeed, useGpu } from "../../support/gpu.js";
import { expectNear, expectObjective, type Sample, setUp } from "./check.js";
import {
  dot,
  linear,
  logSumExp,
  mean,
  type Params,
  param,
  type Row,
  type Rows,
  softmax,
  standardise,
  tokens,
  transform,
} from "./reference.js";

const gpu = useGpu();
const settings = {
  ...{ groups: 2, codes: 3, codeWidth: 6, projected: 5, temperature: 0.1, diversityWeight: 0.1 },
  gumbel: { from: 2, to: 0.5, steps: 10 },
};

function noise(i: number, seed: number, step: number): number {
  const key = dropoutKey((hash32(seed) + step) >>> 0);
  const bits = hash32((hash32(i) ^ key) >>> 0);
  return -Math.log(-Math.log(((bits >>> 9) + 0.5) / 2 ** 23));
}

function largest(row: Row): number {
  return row.reduce((best, value, i) => (value > row[best] ? i : best), 0);
}

interface Chosen {
  /** [n][g]. */
  codes: number[][];
  /** Softmax of the noisy logits where the choice was made, [n][g]. */
  soft: Row[][];
}

/** Without `chosen`, chooses; with it, keeps the choice and lets the softmax move. */
function reference(
  params: Params,
  { clips, masked, sizes }: Sample,
  { seed, step, training, chosen }: { seed: number; step: number; training: boolean; chosen?: Chosen },
): { losses: Record<string, number>; chosen: Chosen } {
  const { groups, codes, codeWidth, temperature, gumbel, diversityWeight } = settings;
  const places = clips.flatMap((_, b) => [...masked[b]].map((t) => [b, t]));
  const patches = places.map(([b, t]) => clips[b][t]);
  const features = linear(patches, params, "patch_embed").map((row) => standardise(row, 1e-5));
  const logits = linear(features, params, "quantiser.logits").map((row) =>
    Array.from({ length: groups }, (_, g) => row.slice(g * codes, (g + 1) * codes)),
  );
  const tau = Math.max(gumbel.to, gumbel.from * (gumbel.to / gumbel.from) ** (step / gumbel.steps));
  const soft = logits.map((row, n) =>
    row.map((group, g) =>
      softmax(group.map((value, v) => (value + noise((n * groups + g) * codes + v, seed, step)) / tau)),
    ),
  );
  const made: Chosen = chosen ?? {
    codes: (training ? soft : logits).map((row) => row.map(largest)),
    soft,
  };
  const book = param(params, "quantiser.codebook");
  const each = codeWidth / groups;
  const quantised = logits.map((_, n) => {
    const out = new Float64Array(codeWidth);
    for (let g = 0; g < groups; g++) {
      for (let v = 0; v < codes; v++) {
        const moved = training ? soft[n][g][v] - made.soft[n][g][v] : 0;
        const weight = Number(made.codes[n][g] === v) + moved;
        for (let i = 0; i < each; i++) out[g * each + i] += weight * book[(g * codes + v) * each + i];
      }
    }
    return out;
  });
  const targets = linear(quantised, params, "heads.target");
  const encoded = clips.map((clip, b) =>
    transform(tokens(clip, params, sizes, new Set(masked[b])), params, sizes),
  );
  const context: Rows = linear(
    places.map(([b, t]) => encoded[b][t]),
    params,
    "heads.context",
  );

  const same = (n: number, m: number) => made.codes[n].join() === made.codes[m].join();
  const scores = places.map(([b], n) => {
    const own = places.map((_, m) => m).filter((m) => places[m][0] === b);
    const values = own.map((m) => {
      if (m !== n && same(n, m)) return -1e9;
      const [c, q] = [context[n], targets[m]];
      return dot(c, q) / Math.sqrt(dot(c, c) * dot(q, q)) / temperature;
    });
    return { values: Float64Array.from(values), at: own.indexOf(n) };
  });
  const rivals = mean(
    places.map(([b], n) => Math.log(1 + places.filter(([c], m) => c === b && m !== n && !same(n, m)).length)),
  );
  const contrast = mean(scores.map(({ values, at }) => logSumExp(values) - values[at]));
  const effective = (shares: Row) =>
    Math.exp(-shares.reduce((total, share) => total + share * Math.log(share + 1e-7), 0));
  const shares = (of: (n: number, v: number) => number) =>
    Float64Array.from({ length: codes }, (_, v) => mean(logits.map((_, n) => of(n, v))));
  const plain = logits.map((row) => row.map(softmax));
  const used = Array.from({ length: groups }, (_, g) => effective(shares((n, v) => plain[n][g][v])));
  const diversity = (groups * codes - used.reduce((a, b) => a + b, 0)) / (groups * codes);
  return {
    losses: {
      loss: contrast + diversityWeight * diversity,
      contrast,
      rivals,
      diversity,
      accuracy: mean(scores.map(({ values, at }) => Number(largest(values) === at))),
      perplexity: mean(
        Array.from({ length: groups }, (_, g) => effective(shares((n, v) => Number(made.codes[n][g] === v)))),
      ),
    },
    chosen: made,
  };
}

describe("wav2vec2", () => {
  it.each([0, 3, 40])("equals float64, gradients and all, at step %i", async (step) => {
    const seed = freshSeed("wav2vec2");
    const setup = setUp(gpu(), "wav2vec2", seed, { wav2vec2: settings, maskRatio: 0.75 }, step);
    const how = { seed, step, training: true };
    const { chosen } = reference(await setup.params(), setup.sample, how);
    await expectObjective(
      setup,
      (params, sample) => reference(params, sample, { ...how, chosen }).losses,
      /^$/,
    );
    setup.dispose();
  });

  it("takes the likeliest codes, without noise, where it does not train", async () => {
    const seed = freshSeed("wav2vec2 evaluated");
    const setup = setUp(gpu(), "wav2vec2", seed, { wav2vec2: settings, maskRatio: 0.75 });
    const expected = reference(await setup.params(), setup.sample, { seed, step: 0, training: false }).losses;
    const losses = gpu().noGrad(() => setup.losses(false));
    for (const [part, tensor] of Object.entries(losses)) {
      expectNear(
        (await tensor?.item()) ?? Number.NaN,
        expected[part],
        1e-4 * Math.max(1, expected[part]),
        part,
      );
    }
    setup.dispose();
  });

  it("draws other codes at another step, and the same at the same", async () => {
    const seed = freshSeed("wav2vec2 draws");
    const draw = async (step: number) => {
      const setup = setUp(
        gpu(),
        "wav2vec2",
        seed,
        { wav2vec2: { ...settings, gumbel: { from: 9, to: 9, steps: 1 } } },
        step,
      );
      const { contrast } = setup.losses(true);
      const value = await contrast?.item();
      setup.dispose();
      return value;
    };
    const [first, again] = [await draw(1), await draw(1)];
    expect(again).toBe(first);
    const others = [await draw(2), await draw(3), await draw(4)];
    expect(others.some((value) => value !== first)).toBe(true);
  });
});
