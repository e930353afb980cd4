// Which kernel a matrix product takes where nothing has been measured, as pure functions. The kernels are in matmul-variants/, the launch
// in matmul-kernels.ts, the measured choice in tuning-matmul.ts.
import { exactLanes } from "../gpu/capabilities.js";
import { fewRowsOf } from "./matmul-variants/few-rows.js";
import { plain } from "./matmul-variants/plain.js";
import { register } from "./matmul-variants/register.js";
import { shared, supportsShared } from "./matmul-variants/shared.js";
import { lowest, tallest } from "./matmul-variants/subgroup.js";
import {
  fits,
  isAligned,
  type MatmulCapabilities,
  type MatmulVariant,
  type ProductShape,
} from "./matmul-variants/variant.js";

/** A kernel for a product, and how it is cut. */
export interface MatmulChoice {
  variant: MatmulVariant;
  /** Into how many parts the summed axis is cut, for more parallel work (split-K). */
  slices: number;
}

/** Chooses a kernel. Pure. */
export function chooseMatmul(capabilities: MatmulCapabilities, shape: ProductShape): MatmulChoice {
  const { m, n, k, batch = 1 } = shape;
  // Small odd shapes are not worth a kernel of their own, which a software adapter takes up to a second to compile.
  const small = m * n * k * batch <= (isAligned(shape) ? 2 ** 15 : 2 ** 20);
  if (small) return { variant: plain, slices: 1 };
  const lanes = capabilities.software ? exactLanes(capabilities) : undefined;
  let variant: MatmulVariant;
  const few = fewRowsOf(capabilities);
  if (fits(few, shape) && (m === 1 || !capabilities.software)) {
    variant = few;
  } else if (lanes) {
    variant = m > 2 * lanes ? tallest(lanes) : lowest(lanes);
  } else if (!capabilities.software && m >= 16 && n >= 16 && supportsShared(capabilities)) {
    variant = shared(m * n * batch >= 128 * 128 * 64 ? 128 : 64);
  } else {
    variant = register;
  }
  // A software adapter has as many workers as the machine has cores, a GPU has many.
  const wanted = capabilities.software ? 4 : 128;
  const { rows, columns } = variant.tile;
  const groups = Math.ceil(m / rows) * Math.ceil(n / columns) * batch;
  const slices = Math.min(Math.floor(wanted / groups), Math.floor(k / 128), 32);
  return { variant, slices: Math.max(1, slices) };
}

/**
 * One kernel for products of any size: which one it is, and so the order of every sum, does not depend on how many rows or products
 * there are, as it does where the tuner chooses. `low`: for results of few rows.
 */
export function pinnedMatmul(capabilities: MatmulCapabilities, low: boolean): MatmulChoice {
  const { software } = capabilities;
  const lanes = software ? exactLanes(capabilities) : undefined;
  if (lanes) {
    return { variant: low ? lowest(lanes) : tallest(lanes), slices: 1 };
  }
  const variant = !software && supportsShared(capabilities) ? shared(64) : register;
  return { variant, slices: 1 };
}
