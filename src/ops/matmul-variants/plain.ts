// One result an invocation, for small products: quick to compile.
import type { MatmulVariant, MatmulVariantFamily } from "./variant.js";

export const plain: MatmulVariant = {
  name: "plain",
  shader: "plain",
  tile: { rows: 8, columns: 8 },
  scalar: true,
};

export const plainFamily: MatmulVariantFamily = {
  shader: "plain",
  variants: () => [plain],
  worthwhile: (variants, { m, n, k, batch = 1 }) => (m * n * k * batch > 2 ** 21 ? [] : variants),
  ofDefines: () => plain,
};
