// Both operands staged in workgroup memory, by tiles: for hardware.
import type { MatmulCapabilities, MatmulVariant, MatmulVariantFamily } from "./variant.js";

/** tile: rows and columns of one workgroup. */
export function shared(tile: 64 | 128): MatmulVariant {
  return {
    name: `shared-${tile}`,
    shader: "shared",
    tile: { rows: tile, columns: tile },
    defines: () => ({ HALVES: tile / 64 }),
  };
}

/** Whether workgroups are large enough, 256 invocations with 16 KiB. */
export function supportsShared(capabilities: MatmulCapabilities): boolean {
  return capabilities.maxInvocations >= 256 && capabilities.maxWorkgroupStorage >= 16384;
}

/** Both tiles. */
export const sharedFamily: MatmulVariantFamily = {
  shader: "shared",
  variants: (capabilities) => (supportsShared(capabilities) ? [shared(64), shared(128)] : []),
  // Workgroup memory is what a software adapter is slowest at, and it compiles those kernels for seconds.
  worthwhile: (variants, _, { software }) => (software ? [] : variants),
  ofDefines: (define) => shared(define("HALVES") === 2 ? 128 : 64),
};
