// 95 % intervals by resampling the tested tracks with replacement: how a score would vary with other tracks of the same kind, the
// trained heads being what they are. A metric is prepared once and then evaluated on counts, clip by clip, of how often a resampling
// holds it. Not here: metrics (scores/), the spread over training seeds and splits (summary.ts).
import { hash32 } from "../ops/dropout.js";
import { Random } from "../tensor/random.js";
import type { Predictions } from "./labels.js";
import type { Metric } from "./scores/metric.js";
import { clipsBySong } from "./songs.js";

/** Counts of how often each row is in a resampling of whole pieces, one array a resampling. */
export function resample(pieces: readonly string[], times: number, seed: number): Uint32Array[] {
  const songs = clipsBySong(pieces);
  return Array.from({ length: times }, (_, round) => {
    const random = new Random(hash32(seed ^ 0x51ed270b), round);
    const counts = new Uint32Array(pieces.length);
    for (let i = 0; i < songs.length; i++) {
      for (const clip of songs[random.integer(songs.length)]) counts[clip]++;
    }
    return counts;
  });
}

interface BootstrapOptions {
  /** Resamplings. Default 1000. */
  times?: number;
  seed?: number;
}

/** 95 % interval of a score over resampled tracks (percentiles); undefined where a resampling has no score. */
export function bootstrapInterval(
  predicted: Predictions,
  metric: Pick<Metric, "weighted">,
  options: BootstrapOptions = {},
): [number, number] | undefined {
  const score = metric.weighted(predicted);
  return percentiles(draws(predicted, options).map(score));
}

/** 95 % interval of how much better one set of predictions is than another for the same rows. */
export function bootstrapDifference(
  ours: Predictions,
  theirs: Predictions,
  metric: Pick<Metric, "weighted">,
  options: BootstrapOptions = {},
): [number, number] | undefined {
  const [a, b] = [ours, theirs].map((predicted) => metric.weighted(predicted));
  return percentiles(draws(ours, options).map((counts) => a(counts) - b(counts)));
}

function draws({ labels, pieces }: Predictions, { times = 1000, seed = 0 }: BootstrapOptions): Uint32Array[] {
  return resample(pieces ?? labels.map((_, i) => String(i)), times, seed);
}

function percentiles(values: number[]): [number, number] | undefined {
  const usable = values.filter(Number.isFinite).sort((a, b) => a - b);
  if (usable.length < 0.9 * values.length || usable.length === 0) return undefined;
  const at = (share: number) => usable[Math.min(usable.length - 1, Math.floor(share * usable.length))];
  return [at(0.025), at(0.975)];
}
