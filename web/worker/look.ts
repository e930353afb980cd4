// Looking at what the model does with one crop: masked patches filled in, and what a patch attends to. What is computed is what
// a run's report shows (src/train/figures.ts).
import { UsageError } from "../../src/gpu/errors.js";
import { patchGrid } from "../../src/patchifier/config.js";
import { Random } from "../../src/tensor/random.js";
import { attend, reconstruct } from "../../src/train/figures.js";
import type { AttentionAnswer, Reconstruction } from "../protocol.js";
import type { Library } from "./library.js";
import type { Training } from "./training.js";

/** The stream of the masks that are looked at, apart from those of training. */
const lookStream = 77;

/** Masks patches of a crop as training does and fills them in. The same draw masks the same patches. */
export async function reconstructCrop(
  { library, training }: { library: Library; training: Training },
  clip: string,
  startFrame: number,
  draw: number,
): Promise<Reconstruction> {
  const { trainer, state } = training;
  const { step } = state;
  const { image, start } = cropOf(library, training, clip, startFrame);
  const masked = trainer.drawMask(new Random(state.seed + draw, lookStream));
  const [{ predictions, mse }] = await reconstruct(trainer, [{ title: clip, image }], [masked]);
  const filled = image.values.slice();
  const { rows } = patchGrid(state.model);
  const { patchMels, patchFrames } = state.model;
  if (predictions) {
    masked.forEach((token, i) => {
      const [column, row] = [Math.floor(token / rows), token % rows];
      for (let m = 0; m < patchMels; m++) {
        const from = (i * patchMels + m) * patchFrames;
        const to = (row * patchMels + m) * image.frames + column * patchFrames;
        filled.set(predictions.subarray(from, from + patchFrames), to);
      }
    });
  }
  return { clip, start, image, masked, filled, mse: mse ?? Number.NaN, step };
}

/** What one patch of a crop attends to in one layer, in all heads. Layer −1 is the last. */
export async function attentionFrom(
  { library, training }: { library: Library; training: Training },
  clip: string,
  startFrame: number,
  query: number,
  layer: number,
): Promise<AttentionAnswer> {
  const { trainer } = training;
  const { layers, heads, tokens } = trainer.model.sizes;
  if (!Number.isInteger(query) || query < 0 || query >= tokens) {
    throw new UsageError(`There is no patch ${query}: a crop has ${tokens}, counted from 0.`);
  }
  const wanted = layer < 0 ? layers + layer : layer;
  if (!Number.isInteger(wanted) || wanted < 0 || wanted >= layers) {
    throw new UsageError(`There is no layer ${layer}: this model has ${layers}, counted from 0.`);
  }
  const { image } = cropOf(library, training, clip, startFrame);
  const { weights } = await attend(trainer, { title: clip, image }, { layer: wanted, query });
  return { layer: wanted, layers, heads, query, weights };
}

function cropOf(library: Library, training: Training, clip: string, startFrame: number) {
  const { mel } = library.get(clip);
  const { cropFrames } = training.state.model;
  const start = Math.max(0, Math.min(Math.round(startFrame) || 0, mel.frames - cropFrames));
  training.normalise();
  return { start, image: library.imageOf(mel, start, cropFrames) };
}
