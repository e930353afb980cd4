// `stretch`: the resampling in time against its definition, losses and gradients against float64.
import { expect, it } from "vitest";
import { stretched } from "../../../src/patchifier/objectives/stretch.js";
import { Random } from "../../../src/tensor/random.js";
import { freshSeed, useGpu } from "../../support/gpu.js";
import { expectNear, expectObjective, type Sample, setUp, tiny } from "./check.js";
import { mean, type Params, param, rowsOf, tokens, transform } from "./reference.js";

const gpu = useGpu();

it("plays frames faster and slower along straight lines", () => {
  const random = new Random(freshSeed("stretched"));
  const [nMels, available, frames] = [3, 90, 64];
  const mel = Float32Array.from({ length: nMels * available }, () => random.normal());
  for (const speed of [0.8, 1, 1.25, 0.9 + 0.2 * random.uniform()]) {
    const out = new Float32Array(nMels * frames);
    stretched(mel, available, speed, frames, out);
    for (let m = 0; m < nMels; m++) {
      for (let t = 0; t < frames; t++) {
        const [at, share] = [Math.floor(t * speed), (t * speed) % 1];
        const own = mel.subarray(m * available, (m + 1) * available);
        const expected = own[at] + share * ((own[at + 1] ?? 0) - own[at]);
        expectNear(out[m * frames + t], expected, 1e-5, `mel ${m}, frame ${t} at ${speed}`);
      }
    }
  }
});

const settings = { pairs: 3, range: 1.25 };
const huber = (x: number) => (Math.abs(x) <= 1 ? x * x * 0.5 : Math.abs(x) - 0.5);

function reference(params: Params, { sizes, extra }: Sample): Record<string, number> {
  const { pairs } = settings;
  const { frontEnd, cropFrames } = tiny;
  const views = rowsOf(extra.stretchViews, frontEnd.nMels * cropFrames);
  const weight = param(params, "heads.stretch.weight");
  const read = views.map((mel) => {
    const patches = Array.from({ length: sizes.tokens }, (_, t) =>
      Float64Array.from({ length: sizes.values }, (_, v) => {
        const [m, f] = [4 * (t % 2) + Math.floor(v / 4), 4 * Math.floor(t / 2) + (v % 4)];
        return (mel[m * cropFrames + f] - 1.2) / 1.6;
      }),
    );
    const encoded = transform(tokens(patches, params, sizes), params, sizes);
    return weight.reduce((sum, w, k) => sum + w * mean(encoded.map((row) => row[k])), 0);
  });
  const ratios = [...extra.stretchRatios];
  const speed = mean(ratios.map((ratio, i) => huber(read[i] - read[pairs + i] - ratio)));
  return { loss: speed, speed, speedMean: mean(ratios.map(huber)) };
}

it("equals float64, gradients and all", async () => {
  const setup = setUp(gpu(), "stretch", freshSeed("stretch"), { stretch: settings });
  await setup.readExtra();
  expect(new Set(setup.sample.extra.stretchRatios).size).toBe(3);
  await expectObjective(setup, reference, /^mask_token$/, /(qkv\.bias|^norm\.bias)$/);
  setup.dispose();
});
