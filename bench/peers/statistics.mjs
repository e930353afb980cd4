// Figures out of samples, and how far results are from one another.

/** The middle value; the mean of the two middle ones. */
export function median(samples) {
  const sorted = [...samples].sort((a, b) => a - b);
  const half = sorted.length / 2;
  return (sorted[Math.ceil(half) - 1] + sorted[Math.floor(half)]) / 2;
}

/**
 * The largest difference of two lists of outputs at the sampled positions, over the scale of the expected output (its root
 * mean square where it names none). Infinity where anything is not a number.
 */
export function largestError(outputs, expected) {
  let worst = outputs.length === expected.length ? 0 : Number.POSITIVE_INFINITY;
  expected.forEach(({ values, scale }, i) => {
    const squares = values.reduce((sum, value) => sum + value * value, 0);
    const unit = scale ?? Math.max(Math.sqrt(squares / values.length), 1e-30);
    values.forEach((value, j) => {
      const error = Math.abs((outputs[i]?.[j] ?? Number.NaN) - value) / unit;
      worst = Number.isNaN(error) ? Number.POSITIVE_INFINITY : Math.max(worst, error);
    });
  });
  return worst;
}

/** The largest difference from the losses that are known, over those steps that were taken. Infinity for none or NaN. */
export function lossError(taken, known) {
  let worst = Number.POSITIVE_INFINITY;
  for (const [step, value] of known) {
    if (step >= taken.length) continue;
    const error = Math.abs(taken[step] - value);
    if (Number.isNaN(error)) return Number.POSITIVE_INFINITY;
    worst = worst === Number.POSITIVE_INFINITY ? error : Math.max(worst, error);
  }
  return worst;
}
