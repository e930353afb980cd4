// What the clips of a batch are: crops and masked patches, drawn on the CPU by generators that depend on the seed and the step
// alone. A batch can be read in part, for a process or a micro-batch that computes no more of it: every part draws the whole
// batch's places and masks, so that they are those of the undivided one. Not here: uploading (trainer.ts).
import type { CropSource } from "../data/batches.js";
import { type ModelConfig, type PretrainConfig, patchGrid } from "../patchifier/config.js";
import { clusteredMask, maskedCount, spanMask, uniformMask } from "../patchifier/masks.js";
import type { Drawn, Place } from "../patchifier/objectives.js";
import { Random } from "../tensor/random.js";

/** Consecutive clips of a batch. */
export interface ClipRange {
  first: number;
  count: number;
}

/** A batch on the CPU; crops are there for the clips that were asked for. */
export interface HostBatch {
  /** [range.count, nMels, frames]. */
  crops: Float32Array;
  range: ClipRange;
  /** The masked patches of every clip of the whole batch. */
  masked: Int32Array[];
  /** What some of these clips' crops were drawn from, where that is known. */
  drawn(clips: ClipRange): Drawn | undefined;
}

/** The masked patches of one clip. */
export function drawMask(model: ModelConfig, pretrain: PretrainConfig, random: Random): Int32Array {
  const grid = patchGrid(model);
  const count = maskedCount(grid.tokens, pretrain.maskRatio);
  switch (pretrain.maskShape) {
    case "clustered":
      return clusteredMask(random, grid, count);
    case "spans":
      return spanMask(random, grid, count);
    case "uniform":
      return uniformMask(random, grid.tokens, count);
  }
}

/** Draws a batch whose crops are read for `range` only. `crops` and `masks` are the generators of the two. */
export function drawBatch(
  model: ModelConfig,
  pretrain: PretrainConfig,
  sampler: CropSource,
  { crops: cropRandom, masks: maskRandom }: { crops: Random; masks: Random },
  range: ClipRange,
): HostBatch {
  const { batch } = pretrain;
  const size = model.frontEnd.nMels * model.cropFrames;
  const { first, count } = range;
  const { music } = sampler;
  let crops: Float32Array;
  let places: Place[] = [];
  if (music) {
    crops = new Float32Array(count * size);
    places = Array.from({ length: batch }, () => music.place(cropRandom));
    for (let i = 0; i < count; i++) music.read(places[first + i], model.cropFrames, crops, i * size);
  } else {
    crops = sampler.draw(cropRandom, batch).subarray(first * size, (first + count) * size);
  }
  const masked = Array.from({ length: batch }, () => drawMask(model, pretrain, maskRandom));
  return {
    ...{ crops, range, masked },
    drawn(clips) {
      if (!music) return undefined;
      const at = (clips.first - first) * size;
      return {
        music,
        places: places.slice(clips.first, clips.first + clips.count),
        crops: crops.subarray(at, at + clips.count * size),
        random: randomOf(maskRandom, clips, batch),
      };
    },
  };
}

/** What an objective draws by: of the whole batch what comes after the masks, of each part a sequence of its own. */
function randomOf(random: Random, { first, count }: ClipRange, batch: number): Random {
  if (count === batch) return random;
  return new Random(random.state[0], 1 + first);
}
