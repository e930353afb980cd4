// A tile of results in each invocation's registers: runs everywhere.
import type { MatmulVariant, MatmulVariantFamily } from "./variant.js";

/** The only one: 32 × 64 results a workgroup. */
export const register: MatmulVariant = {
  name: "register",
  shader: "register",
  tile: { rows: 32, columns: 64 },
};

/** Worth measuring for every product. */
export const registerFamily: MatmulVariantFamily = {
  shader: "register",
  variants: () => [register],
  ofDefines: () => register,
};
