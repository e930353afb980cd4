// A tile of results in each invocation's registers: runs everywhere.
import type { MatmulVariant, MatmulVariantFamily } from "./variant.js";

export const register: MatmulVariant = {
  name: "register",
  shader: "register",
  tile: { rows: 32, columns: 64 },
};

export const registerFamily: MatmulVariantFamily = {
  shader: "register",
  variants: () => [register],
  ofDefines: () => register,
};
