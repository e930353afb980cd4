// Operands shared within a subgroup whose size is known exactly.
import { exactLanes } from "../../gpu/capabilities.js";
import type { MatmulVariant, MatmulVariantFamily } from "./variant.js";

/** Few, so that a small result is shared evenly among few workers. */
const subgroupsPerGroup = 2;

interface SubgroupVariant extends MatmulVariant {
  readonly blocks: number;
  readonly quads: number;
  /** Rows of one subgroup. */
  readonly height: number;
}

/** lanes: the subgroup's exact size; blocks × lanes rows and quads × 4 × lanes columns a subgroup. */
export function subgroup(lanes: number, blocks: number, quads: number): SubgroupVariant {
  const [height, columns] = [lanes * blocks, 4 * lanes * quads];
  return {
    name: `subgroup-${lanes}-${blocks}-${quads}`,
    shader: "subgroup",
    blocks,
    quads,
    height,
    tile: { rows: subgroupsPerGroup * height, columns },
    sumsA: true,
    defines: () => ({
      LANES: lanes,
      GROUPS: lanes / 4,
      BLOCKS: blocks,
      QUADS: quads,
      WIDTH: subgroupsPerGroup * lanes,
    }),
    groups: (m, n, results) =>
      Math.ceil((Math.ceil(m / height) * Math.ceil(n / columns)) / subgroupsPerGroup) * results,
  };
}

/** For results of few rows. */
export const lowest = (lanes: number): MatmulVariant => subgroup(lanes, 1, 1);

/** 32 rows × 32 or 64 columns a subgroup: a large tile shares its loads among more results; a low result has no use for it. */
export const tallest = (lanes: number): MatmulVariant =>
  subgroup(lanes, lanes === 4 ? 8 : lanes === 8 ? 4 : 2, lanes === 4 ? 2 : 1);

/** Every tile of at most 16 vec4 sums in an invocation: more do not stay in registers. */
function tiles(lanes: number): SubgroupVariant[] {
  const all = [1, 2, 4, 8].flatMap((blocks) => [1, 2].map((quads) => subgroup(lanes, blocks, quads)));
  return all.filter(({ height, quads }) => height * quads <= 64);
}

/** Every tile that stays in registers. */
export const subgroupFamily: MatmulVariantFamily = {
  shader: "subgroup",
  variants(capabilities) {
    const lanes = exactLanes(capabilities);
    return lanes ? tiles(lanes) : [];
  },
  // Twice the tile that the result fills is work for nothing.
  worthwhile: (variants, { m, n }) =>
    (variants as SubgroupVariant[]).filter(
      ({ blocks, quads, height, tile }) =>
        !(blocks > 1 && height >= 2 * m) && !(quads > 1 && tile.columns >= 2 * n),
    ),
  ofDefines: (define) => subgroup(define("LANES"), define("BLOCKS"), define("QUADS")),
};
