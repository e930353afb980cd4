// How the tokens of a clip become one vector: the one table of pools, computed on the device for a crop, and on the CPU from crops to the
// clip. Not here: where crops lie (features.ts), or what is done with the vectors.
import { concat, max, mean, reshape, slice } from "../ops/index.js";
import { type ModelConfig, patchGrid } from "../patchifier/config.js";
import type { Patchifier } from "../patchifier/encoder.js";
import { rateShares, rates } from "../patchifier/modulation.js";
import type { Tensor } from "../tensor/tensor.js";

/**
 * What a part of a vector holds, of tokens [columns, rows · width] in the order of time, the rows of patches one after another:
 * mean, max, deviation (the standard deviation) and change (the mean absolute difference of neighbours) over the columns; modulation,
 * how strongly the tokens vary how fast (see `modulationOf`).
 */
type Statistic = "mean" | "max" | "deviation" | "change" | "modulation";

interface Pool {
  says: string;
  /** After each block, or after the last LayerNorm alone. */
  of: "blocks" | "last";
  /** Whether the rows of a grid of patches stay apart; else they are averaged (or the largest is taken) too. */
  rows: boolean;
  statistics: readonly Statistic[];
}

/** The pools. With patches of the full height there is one row, and `rows` is `mean`. */
export const pools = {
  mean: { says: "mean of the tokens", of: "last", rows: false, statistics: ["mean"] },
  max: { says: "maximum of the tokens", of: "last", rows: false, statistics: ["max"] },
  "mean+max": { says: "mean, then maximum", of: "last", rows: false, statistics: ["mean", "max"] },
  layers: { says: "mean after each block", of: "blocks", rows: false, statistics: ["mean"] },
  rows: { says: "mean over time of each row of patches", of: "last", rows: true, statistics: ["mean"] },
  stats: {
    says: "after each block, of each row: mean, maximum, deviation and change over time",
    of: "blocks",
    rows: true,
    statistics: ["mean", "max", "deviation", "change"],
  },
  modulation: {
    says: "after each block: how strongly the tokens vary how fast",
    of: "blocks",
    rows: true,
    statistics: ["modulation"],
  },
  time: {
    says: "stats and modulation",
    of: "blocks",
    rows: true,
    statistics: ["mean", "max", "deviation", "change", "modulation"],
  },
} as const satisfies Record<string, Pool>;

export type PoolName = keyof typeof pools;
export const poolNames = Object.keys(pools) as PoolName[];

/** A part of a vector: `size` values of one statistic after one block (0 the first; the last LayerNorm's is −1). */
export interface PoolPart {
  block: number;
  statistic: Statistic;
  size: number;
}

/** The parts of a vector, in their order. */
export function poolLayout(name: PoolName, model: ModelConfig): PoolPart[] {
  const pool: Pool = pools[name];
  const { rows, columns } = patchGrid(model);
  const values = (pool.rows ? rows : 1) * model.width;
  const blocks = pool.of === "last" ? [-1] : Array.from({ length: model.layers }, (_, i) => i);
  return blocks.flatMap((block) =>
    pool.statistics.map((statistic) => ({
      block,
      statistic,
      size: statistic === "modulation" ? 2 * rates(columns) : values,
    })),
  );
}

/** Values of a vector. */
export function poolSize(name: PoolName, model: ModelConfig): number {
  return poolLayout(name, model).reduce((sum, { size }) => sum + size, 0);
}

/** Shape of one clip's vector: [values], or [layers, width] where heads for each layer can be asked for. */
export function poolShape(name: PoolName, model: ModelConfig): number[] {
  return name === "layers" ? [model.layers, model.width] : [poolSize(name, model)];
}

/** Where the values of a pool lie among those of another that has all its parts. */
export function poolColumns(wanted: PoolName, among: PoolName, model: ModelConfig): number[] {
  const places = new Map<string, [from: number, size: number]>();
  let at = 0;
  for (const { block, statistic, size } of poolLayout(among, model)) {
    places.set(`${block} ${statistic}`, [at, size]);
    at += size;
  }
  return poolLayout(wanted, model).flatMap(({ block, statistic, size }) => {
    const place = places.get(`${block} ${statistic}`);
    if (!place || place[1] !== size) throw new RangeError(`The pool ${among} does not hold ${wanted}.`);
    return Array.from({ length: size }, (_, i) => place[0] + i);
  });
}

/** Patches [B, T, P] → pooled tokens [B, poolSize]. Outside the graph. */
export function pooledTokens(
  encoder: Patchifier,
  patches: Tensor,
  name: PoolName,
  model: ModelConfig,
): Tensor {
  const { gpu } = encoder;
  const pool: Pool = pools[name];
  const { rows, columns } = patchGrid(model);
  return gpu.noGrad(() =>
    gpu.scope(() => {
      const parts: Tensor[] = [];
      const take = (tokens: Tensor) => {
        const batch = tokens.shape[0];
        const apart = pool.rows ? reshape(tokens, [batch, columns, rows * model.width]) : tokens;
        parts.push(...statisticsOf(apart, pool.statistics));
      };
      if (pool.of === "last") take(encoder.encode(patches));
      else encoder.encode(patches, undefined, (of, tokens) => /^block_\d+$/.test(of) && take(tokens));
      return parts.length > 1 ? concat(parts, { dim: 1 }) : parts[0];
    }),
  );
}

/** Tokens [B, columns, d] → the statistics asked for, each [B, size]. */
function statisticsOf(tokens: Tensor, wanted: readonly Statistic[]): Tensor[] {
  const average = mean(tokens, { dim: 1 });
  const [batch, columns, d] = tokens.shape;
  const need = (...any: Statistic[]) => any.some((statistic) => wanted.includes(statistic));
  const centred = need("deviation", "modulation") ? tokens.sub(reshape(average, [batch, 1, d])) : undefined;
  const steps = need("change", "modulation")
    ? slice(tokens, [null, [1, columns]])
        .sub(slice(tokens, [null, [0, columns - 1]]))
        .abs()
    : undefined;
  const made: Record<Statistic, () => Tensor> = {
    mean: () => average,
    max: () => max(tokens, { dim: 1 }),
    deviation: () => mean((centred as Tensor).square(), { dim: 1 }).sqrt(),
    change: () => mean(steps as Tensor, { dim: 1 }),
    modulation: () => modulationOf(centred as Tensor, mean(steps as Tensor, { dim: 2 })),
  };
  return wanted.map((statistic) => made[statistic]());
}

/**
 * The share of each rate in the power of the tokens' course over time, summed over their values, and in that of how much they change
 * from column to column, as logarithms: [B, 2 · rates]. `centred` [B, columns, d]; `change` [B, columns − 1].
 * Turning the tokens' axes changes nothing, so no principal channels have to be chosen.
 */
function modulationOf(centred: Tensor, change: Tensor): Tensor {
  const [batch, columns] = centred.shape;
  const curve = reshape(change.sub(mean(change, { dim: 1, keepDim: true })), [batch, columns - 1, 1]);
  return concat([rateShares(centred, rates(columns)), rateShares(curve, rates(columns))], { dim: 1 });
}

/** Joins the crops of a clip: maxima are maxima, everything else is averaged (crops have equally many tokens). */
export class ClipPool {
  private readonly sums: Float64Array;
  /** 1 where a value is a maximum. */
  private readonly largest: Uint8Array;
  private taken = 0;

  /** @param crops how many will come */
  constructor(
    layout: readonly PoolPart[],
    private readonly crops: number,
  ) {
    this.largest = Uint8Array.from(
      layout.flatMap(({ statistic, size }) => new Array<number>(size).fill(Number(statistic === "max"))),
    );
    this.sums = Float64Array.from(this.largest, (largest) => (largest ? Number.NEGATIVE_INFINITY : 0));
  }

  /** Takes one crop's values; true where it was the last. */
  take(values: ArrayLike<number>): boolean {
    const { sums, largest, crops } = this;
    for (let i = 0; i < sums.length; i++) {
      if (!largest[i]) sums[i] += values[i] / crops;
      // A value that is not a number must show, not lose every comparison.
      else sums[i] = Number.isNaN(values[i]) ? Number.NaN : Math.max(sums[i], values[i]);
    }
    return ++this.taken === crops;
  }

  get vector(): Float32Array {
    return Float32Array.from(this.sums);
  }
}
