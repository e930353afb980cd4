// Which kernel attention takes where nothing has been measured, as pure functions. The kernels are in attention-variants/, the launch
// in attention.ts, the measured choice in tuning-attention.ts.
import { type Capabilities, exactLanes } from "../gpu/capabilities.js";
import { lane, largestShare } from "./attention-variants/lane.js";
import { tile } from "./attention-variants/tile.js";
import { type AttentionCase, type AttentionVariant, ownRows } from "./attention-variants/variant.js";

/** Chooses a kernel. Pure. */
export function chooseAttention(capabilities: Capabilities, shape: AttentionCase): AttentionVariant {
  const lanes = capabilities.software ? exactLanes(capabilities) : undefined;
  if (lanes) {
    // By measurement, as the shaders' comments say; on lavapipe the compiler's time decides too.
    return lanes >= 8 ? tile(lanes, 1, 2) : tile(lanes, Math.ceil(shape.dim / 4) <= 8 ? 4 : 2, 4);
  }
  const own = ownRows(shape);
  return lane(largestShare(capabilities), own <= 16 ? 16 : own <= 32 ? 32 : 64);
}
