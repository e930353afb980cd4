// One result an invocation, for small products: quick to compile.
import type { MatmulVariant, MatmulVariantFamily } from "./variant.js";

/** The only one: 8 × 8 results a workgroup. */
export const plain: MatmulVariant = {
  name: "plain",
  shader: "plain",
  tile: { rows: 8, columns: 8 },
  scalar: true,
};

/** Not worth measuring for large products. */
export const plainFamily: MatmulVariantFamily = {
  shader: "plain",
  variants: () => [plain],
  worthwhile: (variants, { m, n, k, batch = 1 }) => (m * n * k * batch > 2 ** 21 ? [] : variants),
  ofDefines: () => plain,
};
