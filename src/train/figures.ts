// The pictures of a run's report, as plain data: a held-out spectrogram, masked patches beside their reconstructions, an
// attention map. It asks the model; report/ draws.

import { CropSampler, randomAt, type Split } from "../data/batches.js";
import type { MelStore } from "../data/mel-store.js";
import { attentionWeightsFromQkv } from "../ops/attention.js";
import { type ModelConfig, patchGrid } from "../patchifier/config.js";
import type { AttentionPicture, ClipPicture, MaskedClip } from "./report/types.js";
import type { Trainer } from "./trainer.js";

/** What a report's pictures are drawn of. */
export interface Figures {
  spectrogram: ClipPicture;
  reconstructions: MaskedClip[];
  attention: AttentionPicture;
}

/** Draws `clips` crops, of held-out pieces where there are any. */
export async function makeFigures(
  trainer: Trainer,
  store: MelStore,
  split: Split,
  clips = 3,
): Promise<Figures> {
  const { model, seed } = trainer.options;
  const members = split.heldOut.length > 0 ? split.heldOut : split.train;
  const sampler = new CropSampler(store, members, model.cropFrames);
  const random = randomAt(seed, "heldOut", 1000);
  const pictures = Array.from({ length: clips }, () => {
    const { track, start } = sampler.place(random);
    const { nMels } = model.frontEnd;
    const values = new Float32Array(nMels * model.cropFrames);
    store.crop(track, start, model.cropFrames, values, 0);
    const seconds = (start * model.frontEnd.hopLength) / model.frontEnd.sampleRate;
    const title = `${store.tracks[track].title}, from ${seconds.toFixed(1)} s`;
    return { title, image: { values, nMels, frames: model.cropFrames } };
  });
  const masks = pictures.map(() => trainer.drawMask(random));
  return {
    spectrogram: pictures[0],
    reconstructions: await reconstruct(trainer, pictures, masks),
    attention: await attend(trainer, pictures[0]),
  };
}

/** Predictions for the masked patches of crops, as many in each; without them where the objective predicts no spectrogram. */
export async function reconstruct(
  trainer: Trainer,
  pictures: readonly ClipPicture[],
  masks: readonly Int32Array[],
): Promise<MaskedClip[]> {
  const { gpu } = trainer;
  const { model, normalisation } = trainer.options;
  const { values } = patchGrid(model);
  const size = model.frontEnd.nMels * model.cropFrames;
  const crops = new Float32Array(pictures.length * size);
  pictures.forEach(({ image }, i) => {
    crops.set(image.values, i * size);
  });
  const predictions = gpu.noGrad(() =>
    gpu.scope(() => trainer.objective.reconstruct?.(trainer.batchOf(crops, masks))),
  );
  if (!predictions) return pictures.map((picture, i) => ({ ...picture, masked: masks[i] }));
  const predicted = await predictions.data();
  predictions.dispose();
  const { mean, std } = normalisation;
  return pictures.map((picture, i) => {
    const count = masks[i].length;
    const own = predicted.slice(i * count * values, (i + 1) * count * values).map((v) => v * 2 * std + mean);
    return {
      ...picture,
      masked: masks[i],
      predictions: own,
      mse: squaredError(picture, model, masks[i], own),
    };
  });
}

/** Mean squared error of predicted patches against the picture's own. */
function squaredError(
  { image }: ClipPicture,
  model: ModelConfig,
  masked: Int32Array,
  predicted: Float32Array,
): number {
  const { rows } = patchGrid(model);
  const { patchMels, patchFrames } = model;
  let total = 0;
  masked.forEach((token, i) => {
    const [column, row] = [Math.floor(token / rows), token % rows];
    for (let m = 0; m < patchMels; m++) {
      for (let f = 0; f < patchFrames; f++) {
        const at = (row * patchMels + m) * image.frames + column * patchFrames + f;
        total += (image.values[at] - predicted[(i * patchMels + m) * patchFrames + f]) ** 2;
      }
    }
  });
  return total / predicted.length;
}

/** Softmax rows of a block's attention on one clip: the last block's, for a patch in the middle of the lower half, if not said. */
export async function attend(
  trainer: Trainer,
  picture: ClipPicture,
  place: { layer?: number; query?: number } = {},
): Promise<AttentionPicture> {
  const { gpu, model } = trainer;
  const { heads, layers, tokens } = model.sizes;
  const { layer = layers - 1 } = place;
  const probabilities = gpu.noGrad(() =>
    gpu.scope(() =>
      attentionWeightsFromQkv(model.qkvOf(trainer.patches(picture.image.values), layer), heads),
    ),
  );
  const values = await probabilities.data(); // [1, heads, tokens, tokens]
  probabilities.dispose();
  const { rows, columns } = patchGrid(trainer.options.model);
  const { query = Math.floor(columns / 2) * rows + Math.floor(rows / 4) } = place;
  const weights = new Float32Array(heads * tokens);
  const matrix = new Float32Array(tokens * tokens);
  for (let head = 0; head < heads; head++) {
    const own = values.subarray(head * tokens * tokens, (head + 1) * tokens * tokens);
    weights.set(own.subarray(query * tokens, (query + 1) * tokens), head * tokens);
    for (let i = 0; i < own.length; i++) matrix[i] += own[i] / heads;
  }
  return { ...picture, layer, layers, heads, query, weights, matrix };
}
