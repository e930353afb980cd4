// Krumhansl's estimate of a key: how well twelve pitch classes fit the profile of each of the 24 keys. It needs no training. Keys are
// numbered 0 to 11 for C to B major, 12 to 23 for C to B minor. Numbers in, numbers out.

/** How well each of the twelve pitch classes fits C major and C minor (Krumhansl and Kessler, 1982). */
const profiles = [
  [6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88],
  [6.33, 2.68, 3.52, 5.38, 2.6, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17],
] as const;

/** The correlation of twelve pitch classes, from C on, with the profile of each of the 24 keys; 0 where all classes are alike. */
export function keyCorrelations(chroma: ArrayLike<number>): Float64Array {
  const own = centred(Array.from({ length: 12 }, (_, k) => chroma[k]));
  return Float64Array.from({ length: 24 }, (_, key) => {
    const profile = centred(profiles[key < 12 ? 0 : 1]);
    let [dot, a, b] = [0, 0, 0];
    for (let k = 0; k < 12; k++) {
      const expected = profile[(k - (key % 12) + 12) % 12];
      dot += own[k] * expected;
      a += own[k] ** 2;
      b += expected ** 2;
    }
    return a > 0 ? dot / Math.sqrt(a * b) : 0;
  });
}

function centred(values: readonly number[]): number[] {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return values.map((value) => value - mean);
}
