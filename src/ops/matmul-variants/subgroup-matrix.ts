// The hardware's own product of small matrices. It has never run; no rule takes it, a tuner with its test may.
import {
  isAligned,
  type MatmulCapabilities,
  type MatmulVariant,
  type MatmulVariantFamily,
} from "./variant.js";

/** Values of the summed axis that are taken at a time. */
const step = 32;

/** lanes: the subgroup's exact size; unit: the hardware's product, "MxNxK". */
export function subgroupMatrix(tile: 64 | 128, lanes: number, unit: string): MatmulVariant {
  const [m, n, k] = unit.split("x").map(Number);
  return {
    name: `subgroup_matrix-${tile}-${lanes}-${unit}`,
    shader: "subgroup_matrix",
    tile: { rows: tile, columns: tile },
    sliceUnit: step,
    fits: (shape) => shape.half === true && isAligned(shape) && shape.k % step === 0,
    defines: () => ({
      TILE: tile,
      LANES: lanes,
      UNIT_M: m,
      UNIT_N: n,
      UNIT_K: k,
      TALL: tile / 2 / m,
      WIDE: tile / 4 / n,
      PER: (tile * step) / 4 / (8 * lanes),
    }),
  };
}

/** One for each size of tile, with the largest hardware product that divides a subgroup's part of it. */
function variants(capabilities: MatmulCapabilities): MatmulVariant[] {
  const { subgroups, subgroupMinSize: lanes, subgroupMaxSize, maxInvocations } = capabilities;
  if (!subgroups || lanes !== subgroupMaxSize || 8 * lanes > maxInvocations) return [];
  return ([64, 128] as const).flatMap((tile): MatmulVariant[] => {
    const units = (capabilities.subgroupMatrices ?? []).filter(
      ({ m, n, k }) =>
        (tile / 2) % m === 0 &&
        (tile / 4) % n === 0 &&
        step % k === 0 &&
        n % 4 === 0 &&
        memory(tile, m * n) <= capabilities.maxWorkgroupStorage,
    );
    const unit = units.sort((a, b) => b.m * b.n * b.k - a.m * a.n * a.k)[0];
    return unit ? [subgroupMatrix(tile, lanes, `${unit.m}x${unit.n}x${unit.k}`)] : [];
  });
}

/** Bytes of workgroup memory at most: both staged parts and a matrix of results a subgroup. */
function memory(tile: number, results: number): number {
  return 2 * 2 * Math.max(tile * (step + 8), step * (tile + 8)) + 8 * results * 4;
}

/** One variant for each size of tile. */
export const subgroupMatrixFamily: MatmulVariantFamily = {
  shader: "subgroup_matrix",
  variants,
  ofDefines(define) {
    const unit = ["UNIT_M", "UNIT_N", "UNIT_K"].map(define).join("x");
    return subgroupMatrix(define("TILE") === 128 ? 128 : 64, define("LANES"), unit);
  },
};
