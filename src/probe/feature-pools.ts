// How the tokens of a clip become one vector: their mean, their maximum, both, or the mean after each block; on the device for a
// crop, and on the CPU from crops to the clip. Not here: where crops lie (features.ts), or what is done with the vectors.
import { concat, max, mean } from "../ops/index.js";
import type { Patchifier } from "../patchifier/encoder.js";
import type { Tensor } from "../tensor/tensor.js";

/**
 * mean, max: over the tokens after the last LayerNorm; mean+max: both, one after the other; layers: the mean of each block's output,
 * from the first block to the last.
 */
export const poolNames = ["mean", "max", "mean+max", "layers"] as const;
export type PoolName = (typeof poolNames)[number];

/** Parts of a vector: [parts, width] values. */
export function poolParts(pool: PoolName, layers: number): number {
  return pool === "layers" ? layers : pool === "mean+max" ? 2 : 1;
}

/** Shape of one clip's vector: [width], [2·width] or [layers, width]. */
export function poolShape(pool: PoolName, { width, layers }: { width: number; layers: number }): number[] {
  return pool === "layers" ? [layers, width] : [poolParts(pool, layers) * width];
}

/** Patches [B, T, P] → pooled tokens [B, parts·width]. Outside the graph. */
export function pooledTokens(encoder: Patchifier, patches: Tensor, pool: PoolName): Tensor {
  const { gpu } = encoder;
  return gpu.noGrad(() =>
    gpu.scope(() => {
      if (pool === "layers") {
        const means: Tensor[] = [];
        encoder.encode(patches, undefined, (name, tokens) => {
          if (/^block_\d+$/.test(name)) means.push(mean(tokens, { dim: 1 }));
        });
        return means.length > 1 ? concat(means, { dim: 1 }) : means[0];
      }
      const tokens = encoder.encode(patches);
      if (pool === "mean") return mean(tokens, { dim: 1 });
      if (pool === "max") return max(tokens, { dim: 1 });
      return concat([mean(tokens, { dim: 1 }), max(tokens, { dim: 1 })], { dim: 1 });
    }),
  );
}

/** Joins the crops of a clip: means are averaged (crops have equally many tokens), maxima are maxima. */
export class ClipPool {
  private readonly sums: Float64Array;
  private taken = 0;

  /** @param crops how many will come */
  constructor(
    private readonly pool: PoolName,
    /** Values of a vector. */
    size: number,
    private readonly crops: number,
  ) {
    this.sums = new Float64Array(size);
    if (pool !== "mean" && pool !== "layers") {
      this.sums.fill(Number.NEGATIVE_INFINITY, pool === "max" ? 0 : size / 2);
    }
  }

  /** Takes one crop's values; true where it was the last. */
  take(values: ArrayLike<number>): boolean {
    const { sums, pool, crops } = this;
    const summed = pool === "max" ? 0 : pool === "mean+max" ? sums.length / 2 : sums.length;
    for (let i = 0; i < summed; i++) sums[i] += values[i] / crops;
    for (let i = summed; i < sums.length; i++) {
      // A value that is not a number must show, not lose every comparison.
      sums[i] = Number.isNaN(values[i]) ? Number.NaN : Math.max(sums[i], values[i]);
    }
    return ++this.taken === crops;
  }

  get vector(): Float32Array {
    return Float32Array.from(this.sums);
  }
}
