// All kernels for matrix products, for whoever tries, measures or checks each of them. A new one is a file beside this one, its WGSL,
// and its name here; what a rule takes untimed is in matmul-rule.ts.
import { fewRowsFamily } from "./few-rows.js";
import { plainFamily } from "./plain.js";
import { registerFamily } from "./register.js";
import { sharedFamily } from "./shared.js";
import { subgroupFamily } from "./subgroup.js";
import { subgroupMatrixFamily } from "./subgroup-matrix.js";
import {
  fits,
  type MatmulCapabilities,
  type MatmulVariant,
  type MatmulVariantFamily,
  type ProductShape,
} from "./variant.js";

/** Their order is that in which their shaders are hashed: with another one, measured tables count for nothing. */
export const matmulVariantFamilies: readonly MatmulVariantFamily[] = [
  plainFamily,
  registerFamily,
  fewRowsFamily,
  subgroupFamily,
  sharedFamily,
  subgroupMatrixFamily,
];

/** The variants that an adapter can run, of any product or of one of a certain shape. */
export function supportedMatmuls(capabilities: MatmulCapabilities, shape?: ProductShape): MatmulVariant[] {
  const all = matmulVariantFamilies.flatMap((family) => family.variants(capabilities));
  return shape ? all.filter((variant) => fits(variant, shape)) : all;
}

/** Those that are worth measuring for a shape. */
export function worthwhileMatmuls(capabilities: MatmulCapabilities, shape: ProductShape): MatmulVariant[] {
  return matmulVariantFamilies.flatMap((family) => {
    const able = family.variants(capabilities).filter((variant) => fits(variant, shape));
    return family.worthwhile?.(able, shape, capabilities) ?? able;
  });
}
