// Folds for cross-validation: every clip is tested once, and clips that share a group (a piece, a style file, a progression) are tested
// together. Classes and tags are spread over the folds as evenly as whole families allow. The single splits are in split.ts.
import { DataError } from "../gpu/errors.js";
import { Random } from "../tensor/random.js";
import { connected } from "./split.js";

/** Which clips are tested together, each once. */
export interface Folds {
  count: number;
  /** The fold of each clip. */
  of: Int32Array;
  /** The family of each clip, by number: what is resampled together. */
  family: Int32Array;
  families: number;
}

/**
 * Deals families, largest first, each to the fold that it leaves nearest to its share of every class.
 * @param groups the groups of each clip
 * @param labels rows of what is to be spread: one-hot classes, tags, or nothing for regression
 * There are as many folds as families at most.
 * @throws DataError where there are fewer than three families
 */
export function foldsByGroups(
  groups: readonly (readonly string[])[],
  labels: readonly ArrayLike<number>[],
  { count: most = 5, seed = 0 }: { count?: number; seed?: number } = {},
): Folds {
  const families = connected(groups);
  const count = Math.min(most, families.length);
  // One to test on, one to choose the penalty on, one to learn from.
  if (count < 3) {
    throw new DataError(
      `${groups.length} clips in ${families.length} families that share nothing are too few to probe: there must be three or more.`,
    );
  }
  // The number of clips counts as one more class.
  const classes = 1 + (labels[0]?.length ?? 0);
  const tallies = families.map((clips) => {
    const tally = new Float64Array(classes);
    for (const clip of clips) {
      tally[0]++;
      for (let k = 1; k < classes; k++) tally[k] += labels[clip][k - 1];
    }
    return tally;
  });
  const share = new Float64Array(classes);
  for (const tally of tallies) for (let k = 0; k < classes; k++) share[k] += tally[k] / count;
  const have = Array.from({ length: count }, () => new Float64Array(classes));
  const random = new Random(seed, 12);
  const order = [...random.permutation(families.length)].sort(
    (a, b) => families[b].length - families[a].length,
  );
  const of = new Int32Array(groups.length);
  const family = new Int32Array(groups.length);
  for (const number of order) {
    const tally = tallies[number];
    const costs = have.map((own) => {
      let cost = 0;
      for (let k = 0; k < classes; k++) {
        if (share[k] === 0) continue;
        // How much further from its share the fold would be, relative to it.
        cost += ((own[k] + tally[k] - share[k]) ** 2 - (own[k] - share[k]) ** 2) / share[k] ** 2;
      }
      return cost;
    });
    const fold = costs.indexOf(Math.min(...costs));
    for (let k = 0; k < classes; k++) have[fold][k] += tally[k];
    for (const clip of families[number]) {
      of[clip] = fold;
      family[clip] = number;
    }
  }
  return { count, of, family, families: families.length };
}
