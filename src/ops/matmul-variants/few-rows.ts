// Products with few rows, down to a vector by a matrix (GEMV).
import type { MatmulCapabilities, MatmulVariant, MatmulVariantFamily } from "./variant.js";

/** Most rows, and quads of columns of one workgroup. */
const mostRows = 8;
const columns = 16;

/** split: invocations that share the summed axis of one column. */
export function fewRows(split: 1 | 16): MatmulVariant {
  return {
    name: `few_rows-${split}`,
    shader: "few_rows",
    tile: { rows: mostRows, columns: 4 * columns },
    // A software adapter takes tens of seconds to compile it for many rows, and longer to run it than matmul/subgroup.
    fits: ({ m, transposeA }) => transposeA !== true && m <= (split === 1 ? 2 : mostRows),
    defines: (m) => ({
      ROWS: [1, 2, 4].find((rows) => m <= rows) ?? mostRows,
      COLUMNS: columns,
      SPLIT: split,
    }),
  };
}

/** The one that the adapter takes. */
export const fewRowsOf = ({ software }: MatmulCapabilities): MatmulVariant => fewRows(software ? 1 : 16);

/** One variant on each adapter. */
export const fewRowsFamily: MatmulVariantFamily = {
  shader: "few_rows",
  variants: (capabilities) => [fewRowsOf(capabilities)],
  ofDefines: (define) => fewRows(define("SPLIT") === 1 ? 1 : 16),
};
