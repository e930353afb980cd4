// data2vec: losses, gradients and the measures of collapse against float64 with a teacher whose weights are not the student's;
// the teacher's course over updates; and that its state comes back from a checkpoint.
import { describe, expect, it } from "vitest";
import type { PretrainConfig } from "../../../src/patchifier/config.js";
import { Random } from "../../../src/tensor/random.js";
import { freshSeed, useGpu } from "../../support/gpu.js";
import { expectNear, expectObjective, type Sample, type Setup, setUp } from "./check.js";
import {
  block,
  linear,
  mean,
  moments,
  type Params,
  type Rows,
  standardise,
  tokens,
  transform,
} from "./reference.js";

const gpu = useGpu();

function channels(rows: Rows): Rows {
  return Array.from(rows[0], (_, i) => Float64Array.from(rows, (row) => row[i]));
}

function deviation(rows: Rows): number {
  return mean(
    channels(rows).map((each) =>
      Math.sqrt((moments(each).variance * rows.length) / (rows.length - 1) + 1e-6),
    ),
  );
}

function targets(patches: Rows, teacher: Params, { sizes }: Sample, { data2vec }: PretrainConfig): Rows {
  if (!data2vec) throw new Error("the settings are missing");
  let x = tokens(patches, teacher, sizes);
  const kept: Rows[] = [];
  for (let i = 0; i < sizes.layers; i++) {
    const { output, forward } = block(x, teacher, `blocks.${i}`, sizes.heads);
    x = output;
    if (i < sizes.layers - data2vec.blocks) continue;
    const instance = data2vec.targetNorm === "instance";
    const over = (instance ? channels(forward) : forward).map((row) => standardise(row, 1e-5));
    kept.push(instance ? channels(over) : over);
  }
  return kept[0].map((row, t) => row.map((_, i) => mean(kept.map((each) => each[t][i]))));
}

function reference(params: Params, teacher: Params, sample: Sample, pretrain: PretrainConfig) {
  const { clips, masked, sizes } = sample;
  const wanted = clips.flatMap((patches, b) => {
    const all = targets(patches, teacher, sample, pretrain);
    return [...masked[b]].map((t) => all[t]);
  });
  const predicted = clips.flatMap((patches, b) => {
    const encoded = transform(tokens(patches, params, sizes, new Set(masked[b])), params, sizes);
    return linear(
      [...masked[b]].map((t) => encoded[t]),
      params,
      "heads.regress",
    );
  });
  const regression = mean(
    predicted.flatMap((row, n) => [...row.map((value, i) => (value - wanted[n][i]) ** 2)]),
  );
  return {
    loss: regression * Math.sqrt(sizes.width),
    regression,
    targetStd: deviation(wanted),
    predictionStd: deviation(predicted),
  };
}

/** Gives the teacher weights of its own. */
async function teach({ objective }: Setup, seed: number): Promise<Params> {
  const random = new Random(seed, 1);
  const state = new Map(
    [...((await objective.state?.()) ?? [])].map(([name, { shape, data }]) => [
      name,
      { shape, data: data.map((value) => value + 0.2 * random.normal()) },
    ]),
  );
  objective.restore?.(state);
  return new Map(
    [...state].map(([name, { data }]) => [name.slice("teacher.".length), Float64Array.from(data)]),
  );
}

describe("data2vec", () => {
  it.each(["instance", "layer"] as const)(
    "equals float64, gradients and all, with %s normalisation",
    async (targetNorm) => {
      const seed = freshSeed(`data2vec ${targetNorm}`);
      const decay = { from: 0.9, to: 0.99, steps: 10 };
      const setup = setUp(gpu(), "data2vec", seed, { data2vec: { blocks: 2, targetNorm, decay } });
      const teacher = await teach(setup, seed);
      await expectObjective(
        setup,
        (params, sample) => reference(params, teacher, sample, setup.pretrain),
        /^$/,
      );
      setup.dispose();
    },
  );

  it("moves the teacher towards the student at a decay that rises", async () => {
    const decay = { from: 0.5, to: 0.9, steps: 10 };
    const seed = freshSeed("data2vec teacher");
    const setup = setUp(gpu(), "data2vec", seed, { data2vec: { blocks: 1, targetNorm: "layer", decay } }, 5);
    const before = await teach(setup, seed);
    setup.objective.updated?.();
    const student = await setup.params();
    const after = new Map(await setup.objective.state?.());
    for (const [name, values] of before) {
      after.get(`teacher.${name}`)?.data.forEach((value, i) => {
        expectNear(value, 0.7 * values[i] + 0.3 * (student.get(name)?.[i] ?? Number.NaN), 1e-5, name);
      });
    }
    expect(after.size).toBe(before.size);
    setup.dispose();
  });

  it("reports no deviation where everything is alike", async () => {
    const setup = setUp(gpu(), "data2vec", freshSeed("data2vec collapsed"));
    const { model } = setup;
    model.parameters.get("heads.regress.weight").write(new Float32Array(model.sizes.width ** 2));
    const { predictionStd, targetStd } = gpu().noGrad(() => setup.losses(false));
    expect(await predictionStd?.item()).toBeLessThan(2e-3); // √1e-6 is the least
    expect(await targetStd?.item()).toBeGreaterThan(0.1);
    setup.dispose();
  });
});
