// Learning rate against step. Pure functions.

/** A learning rate that warms up and then falls by half a cosine. */
export interface CosineSchedule {
  /** The highest learning rate. */
  baseLr: number;
  /** Steps of linear warm-up. */
  warmup: number;
  /** Steps in all. */
  total: number;
  /** The learning rate at the end. Default 0. */
  minLr?: number;
}

/**
 * Linear warm-up, then half a cosine down to `minLr`. `step` counts from 0, the first update:
 * step < warmup: baseLr·(step+1)/warmup; else minLr + ½(baseLr − minLr)(1 + cos(π(step − warmup)/(total − warmup))).
 */
export function cosineSchedule(step: number, { baseLr, warmup, total, minLr = 0 }: CosineSchedule): number {
  if (step < warmup) return (baseLr * (step + 1)) / warmup;
  const progress = Math.min(1, (step - warmup) / Math.max(1, total - warmup));
  return minLr + 0.5 * (baseLr - minLr) * (1 + Math.cos(Math.PI * progress));
}
