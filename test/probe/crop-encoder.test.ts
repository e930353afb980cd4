// Crops of log-mels through the encoder: every vector is, to the bit, what the encoder itself says of the same crops, in order, whole
// batches or not, in turns or ahead; what fails is thrown when nothing is under way any more.
import { describe, expect, it } from "vitest";
import { encoderSizes, Patchifier } from "../../src/patchifier/encoder.js";
import { copyCrop } from "../../src/patchifier/front-end.js";
import { CropEncoder } from "../../src/probe/crop-encoder.js";
import { melsInMemory } from "../../src/probe/features.js";
import { bucketOf } from "../../src/tensor/capture.js";
import { Random } from "../../src/tensor/random.js";
import { cropPatches } from "../../src/train/model-step.js";
import { frameModel as model } from "../support/frame-model.js";
import { freshSeed, useGpu } from "../support/gpu.js";

const gpu = useGpu();
const random = new Random(freshSeed("crop encoder"));

const normalisation = { mean: 0.3, std: 0.8 };
const { nMels } = model.frontEnd;
const size = nMels * model.cropFrames;
const clips = [40, 10].map((frames) => ({
  frames,
  values: Float32Array.from({ length: frames * nMels }, () => random.normal()),
}));
const mels = melsInMemory(clips, nMels);
/** The last ones reach beyond their clips. */
const places = Array.from({ length: 11 }, (_, i) => ({ clip: i % 2, start: i }));

/** What the encoder says of the places, by the batch, without recording anything. */
async function expected(encoder: Patchifier, batch: number, whole: boolean): Promise<Float32Array> {
  const out = new Float32Array(places.length * model.width);
  for (let from = 0; from < places.length; from += batch) {
    const part = places.slice(from, from + batch);
    const crops = new Float32Array((whole ? batch : Math.min(batch, bucketOf(part.length))) * size);
    for (const [i, { clip, start }] of part.entries())
      copyCrop(clips[clip], nMels, start, model.cropFrames, crops, i * size);
    const vectors = gpu().scope(() => encoder.embed(cropPatches(gpu(), model, normalisation, crops)));
    out.set((await vectors.data()).subarray(0, part.length * model.width), from * model.width);
    vectors.dispose();
  }
  return out;
}

describe("CropEncoder", () => {
  it.each([
    { batch: 4, whole: false, turns: false },
    { batch: 4, whole: true, turns: true },
    { batch: 32, whole: false, turns: true },
  ])("has the encoder's own bits: %o", async ({ batch, whole, turns }) => {
    const encoder = new Patchifier(gpu(), encoderSizes(model), random);
    const crops = new CropEncoder(encoder, { model, normalisation, batch, whole });
    const [got, order, told]: [Float32Array, number[], number[]] = [
      new Float32Array(places.length * crops.size),
      [],
      [],
    ];
    let under = 0;
    const turn = async (work: () => Promise<Float32Array>) => {
      expect(++under).toBe(1);
      const vectors = await work();
      under--;
      return vectors;
    };
    const take = (vector: Float32Array, place: number) => {
      order.push(place);
      got.set(vector, place * crops.size);
    };
    await crops.encode(mels, places, take, {
      turn: turns ? turn : undefined,
      onProgress: (done, total) => told.push(done, total),
    });
    expect(got).toEqual(await expected(encoder, batch, whole));
    expect(order).toEqual([...places.keys()]);
    expect(told.slice(-2)).toEqual([places.length, places.length]);
    crops.dispose();
    encoder.dispose();
  });

  it("stops when it is told to, and says what went wrong", async () => {
    const encoder = new Patchifier(gpu(), encoderSizes(model), random);
    const crops = new CropEncoder(encoder, { model, normalisation, batch: 2 });
    const stopping = new AbortController();
    const onProgress = () => stopping.abort(new Error("enough"));
    const { signal } = stopping;
    await expect(crops.encode(mels, places, () => {}, { onProgress, signal })).rejects.toThrow("enough");
    const refuse = () => {
      throw new Error("not this one");
    };
    await expect(crops.encode(mels, places, refuse)).rejects.toThrow("not this one");
    crops.dispose();
    encoder.dispose();
  });
});
