// From scores over several seeds to a mean, a spread, an interval, and a sentence that says whether pre-training helped.
// The seeds split the same clips anew, so their scores are not independent: intervals are widened for that (Nadeau and
// Bengio, 2003), and even so they speak of these clips, not of all music.

interface Summary {
  mean: number;
  /** Sample standard deviation over the seeds; 0 for one. */
  std: number;
  /** 95 % interval of the mean. */
  ci95: [number, number];
  values: number[];
}

/** Two-sided 95 % quantiles of Student's t for 1…30 degrees of freedom. */
const quantiles = [
  12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.16, 2.145, 2.131,
  2.12, 2.11, 2.101, 2.093, 2.086, 2.08, 2.074, 2.069, 2.064, 2.06, 2.056, 2.052, 2.048, 2.045, 2.042,
];

/**
 * Mean, spread and 95 % interval of scores over repeated splits. The variance of the mean is s²·(1/seeds + test/train), since
 * repeated splits of the same clips share most of their training part.
 * @param testShare clips tested on for each one trained on
 */
export function summarise(values: readonly number[], testShare: number): Summary {
  const n = values.length;
  const mean = values.reduce((sum, value) => sum + value, 0) / n;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  const std = n > 1 ? Math.sqrt(squares / (n - 1)) : 0;
  const t = quantiles[Math.min(n - 1, quantiles.length) - 1] ?? 0;
  const half = t * std * Math.sqrt(1 / n + testShare);
  return { mean, std, ci95: [mean - half, mean + half], values: [...values] };
}

/** How one score stands to another, over the same splits. */
export interface Comparison {
  difference: Summary;
  outcome: "better" | "worse" | "undecided";
}

/** Compares scores seed by seed; higher is better. */
export function compare(ours: readonly number[], theirs: readonly number[], testShare: number): Comparison {
  const difference = summarise(
    ours.map((value, i) => value - theirs[i]),
    testShare,
  );
  return judged(difference);
}

/** Compares scores on one split, given the interval of their difference over other test tracks. */
export function compareOnce(ours: number, theirs: number, ci95: [number, number]): Comparison {
  const mean = ours - theirs;
  return judged({ mean, std: 0, ci95, values: [mean] });
}

function judged(difference: Summary): Comparison {
  const [low, high] = difference.ci95;
  return { difference, outcome: low > 0 ? "better" : high < 0 ? "worse" : "undecided" };
}

/** One sentence, such as "beats random weights by 0.041 (0.020 to 0.062)". */
export function comparisonText({ difference, outcome }: Comparison, other: string): string {
  const { mean, std, ci95, values } = difference;
  const [low, high] = ci95.map(signed);
  const by = Math.abs(mean).toFixed(3);
  const spread = `95 % interval of the difference ${low} to ${high}`;
  const times = values.length > 1 ? `; ${ratio(mean, std)}` : "";
  if (outcome === "better") return `beats ${other} by ${by} (${spread}${times})`;
  if (outcome === "worse") return `is WORSE than ${other} by ${by} (${spread}${times})`;
  const lean = mean > 0 ? "ahead" : "behind";
  return `does not beat ${other}: ${by} ${lean}, within the spread (${spread})`;
}

function ratio(mean: number, std: number): string {
  return std > 0
    ? `${Math.abs(mean / std).toFixed(1)} times its spread over seeds`
    : "the same on every seed";
}

function signed(value: number): string {
  return `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(3)}`;
}
