// Dividing labelled clips into training, validation and test parts so that nothing that clips share (a piece, a chord
// progression, a style) stands on two sides. It looks at groups only, never at labels or audio.
import type { Part } from "../data/types.js";
import { DataError } from "../gpu/errors.js";
import { Random } from "../tensor/random.js";

/** Which clips are trained, chosen and tested on. */
export interface ClipSplit {
  /** Indices of clips, ascending. */
  train: number[];
  valid: number[];
  test: number[];
  /** Clips in no part, because their groups lie in different parts. */
  dropped: number;
}

/**
 * The split that a data set brings along: clips without a part are left out. Undefined where no clip has a part.
 * @throws DataError where a part is empty
 */
export function officialSplit(of: readonly (Part | undefined)[]): ClipSplit | undefined {
  if (!of.some((part) => part)) return undefined;
  const split: ClipSplit = { train: [], valid: [], test: [], dropped: 0 };
  of.forEach((part, clip) => {
    if (part) split[part].push(clip);
    else split.dropped++;
  });
  const empty = parts.find((part) => split[part].length === 0);
  if (empty)
    throw new DataError(`The ${empty} part of the data set's own split has no clip that can be used.`);
  return split;
}

interface SplitOptions {
  seed: number;
  /** Share of the clips that is tested on. Default 0.25. */
  test?: number;
  /** Share of the clips that is validated on. Default 0.2. */
  valid?: number;
}

/** Names of the parts, in the order in which they are filled. */
const parts = ["test", "valid", "train"] as const satisfies readonly Part[];

/** So many separate families of clips are needed to split by whole families. */
const leastFamilies = 8;

/**
 * Splits by families, sets of clips that share no group with any other clip, where there are enough of them: no clip is lost.
 * Where groups tie most clips together (every progression played in every style), groups of each kind are divided instead, the
 * kind being what stands before the colon of a group's name, and only clips all of whose groups are in one part are used.
 * @param groups the groups of each clip
 * @throws DataError where a part would be empty
 */
export function splitByGroups(groups: readonly (readonly string[])[], options: SplitOptions): ClipSplit {
  const { seed, test = 0.25, valid = 0.2 } = options;
  const random = new Random(seed, 11);
  const shares: Record<Part, number> = { test, valid, train: 1 - test - valid };
  const families = connected(groups);
  const largest = Math.max(0, ...families.map((family) => family.length));
  const byFamily = families.length >= leastFamilies && largest <= groups.length / 4;
  const partOf = byFamily ? divideFamilies(families, shares, random) : divideKinds(groups, shares, random);
  const split: ClipSplit = { train: [], valid: [], test: [], dropped: 0 };
  groups.forEach((_, clip) => {
    const part = partOf(clip);
    if (part) split[part].push(clip);
    else split.dropped++;
  });
  for (const part of parts) {
    if (split[part].length === 0) {
      throw new DataError(
        `${groups.length} clips in ${families.length} families are too few to split: the ${part} part would be empty.`,
      );
    }
  }
  return split;
}

/** Families: clips joined by shared groups, directly or through others, in the order of their first clips. */
export function connected(groups: readonly (readonly string[])[]): number[][] {
  const parent = groups.map((_, clip) => clip);
  const root = (clip: number): number => {
    let at = clip;
    while (parent[at] !== at) at = parent[at] = parent[parent[at]];
    return at;
  };
  const first = new Map<string, number>();
  groups.forEach((names, clip) => {
    for (const name of names) {
      const other = first.get(name);
      if (other === undefined) first.set(name, clip);
      else parent[root(clip)] = root(other);
    }
  });
  const families = new Map<number, number[]>();
  groups.forEach((_, clip) => {
    const family = families.get(root(clip));
    if (family) family.push(clip);
    else families.set(root(clip), [clip]);
  });
  return [...families.values()];
}

function divideFamilies(families: number[][], shares: Record<Part, number>, random: Random) {
  const sizes = families.map((family) => family.length);
  const part = divide(sizes, shares, random);
  const ofClip = new Map(families.flatMap((family, i) => family.map((clip) => [clip, part[i]] as const)));
  return (clip: number): Part | undefined => ofClip.get(clip);
}

function divideKinds(groups: readonly (readonly string[])[], shares: Record<Part, number>, random: Random) {
  const kinds = new Map<string, Map<string, number>>();
  for (const name of groups.flat()) {
    const kind = name.split(":")[0];
    const names = kinds.get(kind) ?? new Map<string, number>();
    kinds.set(kind, names.set(name, (names.get(name) ?? 0) + 1));
  }
  dropNested(groups, kinds);
  // A clip must fall into a part by each of its groups: with two kinds, shares multiply.
  const roots = parts.map((part) => shares[part] ** (1 / Math.max(1, kinds.size)));
  const total = roots.reduce((sum, root) => sum + root, 0);
  const each = Object.fromEntries(parts.map((part, i) => [part, roots[i] / total])) as Record<Part, number>;
  const ofGroup = new Map<string, Part>();
  for (const names of kinds.values()) {
    const list = [...names.keys()];
    divide([...names.values()], each, random).forEach((part, i) => {
      ofGroup.set(list[i], part);
    });
  }
  return (clip: number): Part | undefined => {
    const found = new Set(groups[clip].flatMap((name) => ofGroup.get(name) ?? []));
    return found.size === 1 ? [...found][0] : undefined;
  };
}

/** Takes out kinds whose every group lies within one group of another kind (pieces within styles): that one decides. */
function dropNested(groups: readonly (readonly string[])[], kinds: Map<string, Map<string, number>>): void {
  const kindOf = (name: string) => name.split(":")[0];
  for (const inner of [...kinds.keys()]) {
    const nested = [...kinds.keys()].some((outer) => {
      if (outer === inner) return false;
      const holder = new Map<string, string>();
      return groups.every((names) => {
        const outside = names.filter((name) => kindOf(name) === outer).join("\n");
        return names
          .filter((name) => kindOf(name) === inner)
          .every((name) => {
            const known = holder.get(name);
            holder.set(name, outside);
            return outside !== "" && (known === undefined || known === outside);
          });
      });
    });
    if (nested) kinds.delete(inner);
  }
}

/** Deals items in random order, filling each part until taking one more would leave it further from its share. */
function divide(sizes: readonly number[], shares: Record<Part, number>, random: Random): Part[] {
  const total = sizes.reduce((sum, size) => sum + size, 0);
  const out = new Array<Part>(sizes.length).fill("train");
  const order = random.permutation(sizes.length);
  let at = 0;
  for (const part of ["test", "valid"] as const) {
    const wanted = shares[part] * total;
    let have = 0;
    while (at < order.length && (have === 0 || Math.abs(have + sizes[order[at]] - wanted) <= wanted - have)) {
      have += sizes[order[at]];
      out[order[at++]] = part;
    }
  }
  return out;
}
