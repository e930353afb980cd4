// The weighted key score of MIREX, as mir_eval computes it: 1 for the key itself, less for its musical neighbours. Keys are
// numbered 0–11 for C, Db … B major and 12–23 for C … B minor.

/** ascending: a fifth counts only above the reference (mir_eval's default); either: also below (MIREX since 2017). */
export type FifthRule = "ascending" | "either";

/** The score of one estimate: 1 same, 0.5 a fifth off in the same mode, 0.3 relative, 0.2 parallel, else 0. */
export function keyScore(reference: number, estimate: number, rule: FifthRule = "ascending"): number {
  if (reference === estimate) return 1;
  const [refMode, estMode] = [reference, estimate].map((key) => Math.floor(key / 12));
  const up = ((((estimate % 12) - (reference % 12)) % 12) + 12) % 12;
  if (refMode === estMode) return up === 7 || (rule === "either" && up === 5) ? 0.5 : 0;
  if (up === 0) return 0.2;
  return up === (refMode === 0 ? 9 : 3) ? 0.3 : 0;
}

/** The scores of all pairs, [24 references, 24 estimates]. */
export function keyScoreTable(rule: FifthRule = "ascending"): Float64Array {
  return Float64Array.from({ length: 24 * 24 }, (_, i) => keyScore(Math.floor(i / 24), i % 24, rule));
}

/** The mean score of many estimates. */
export function meanKeyScore(
  references: ArrayLike<number>,
  estimates: ArrayLike<number>,
  rule: FifthRule = "ascending",
): number {
  let sum = 0;
  for (let i = 0; i < references.length; i++) sum += keyScore(references[i], estimates[i], rule);
  return sum / references.length;
}
