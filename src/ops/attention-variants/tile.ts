// A tile of rows for each subgroup, whose size is known exactly.
import { exactLanes } from "../../gpu/capabilities.js";
import { type AttentionVariant, type AttentionVariantFamily, ownRows } from "./variant.js";

interface TileVariant extends AttentionVariant {
  readonly lanes: number;
  readonly blocks: number;
  readonly keys: number;
}

/** Vec4s along the head that one invocation sums. */
const columnsOf = (dim: number, lanes: number) => Math.ceil(Math.ceil(dim / 4) / lanes);

/** lanes: the subgroup's exact size; blocks × lanes rows a subgroup, which takes keys × lanes of the others at a time. */
export function tile(lanes: number, blocks: number, keys: number): TileVariant {
  const width = Math.max(32, lanes);
  return {
    name: `tile-${lanes}-${blocks}-${keys}`,
    prefix: "tile_",
    lanes,
    blocks,
    keys,
    rows: blocks * width,
    defines: ({ dim }) => ({
      LANES: lanes,
      BLOCKS: blocks,
      ROWS: blocks * lanes,
      KEYS: keys,
      COLUMNS: columnsOf(dim, lanes),
      WIDTH: width,
    }),
  };
}

/** All of them; the rule takes them on software adapters. */
export const tileFamily: AttentionVariantFamily = {
  prefix: "tile_",
  variants(capabilities) {
    const lanes = exactLanes(capabilities);
    const sizes = [1, 2, 4];
    return lanes ? sizes.flatMap((blocks) => sizes.map((keys) => tile(lanes, blocks, keys))) : [];
  },
  // Twice the rows that there are is work for nothing; more sums than an invocation's registers hold compile for seconds.
  worthwhile: (variants, shape) =>
    (variants as TileVariant[]).filter(
      ({ lanes, blocks, keys }) =>
        !(blocks > 1 && blocks * lanes >= 2 * ownRows(shape)) &&
        blocks * lanes * (columnsOf(shape.dim, lanes) + keys) <= 64,
    ),
  ofDefines: (define) => tile(define("LANES"), define("BLOCKS"), define("KEYS")),
};
