// One row for each invocation: runs everywhere.
import { type Capabilities, exactLanes } from "../../gpu/capabilities.js";
import { type AttentionVariant, type AttentionVariantFamily, ownRows } from "./variant.js";

interface LaneVariant extends AttentionVariant {
  readonly share: number;
}

/** share: invocations that read the others' rows together; width: those of a workgroup. */
export function lane(share: number, width: number): LaneVariant {
  const step = share > 1 ? share : 4;
  return {
    name: `lane-${share}-${width}`,
    prefix: "",
    share,
    rows: width,
    defines: ({ pass, tq, tk, hidden }) => ({
      SHARE: share,
      STEP: step,
      WIDTH: width,
      EDGE: (pass === "backward_key" ? tq : tk) % step !== 0 || hidden,
    }),
  };
}

/** How many invocations can share a read: 1 without subgroups of at least 4. */
export function largestShare({ subgroups, subgroupMinSize }: Capabilities): number {
  return !subgroups || subgroupMinSize < 4 ? 1 : subgroupMinSize >= 8 ? 8 : 4;
}

/** All of them; the rule takes them on hardware and without subgroups of an exact size. */
export const laneFamily: AttentionVariantFamily = {
  prefix: "",
  variants: (capabilities) =>
    [1, 4, 8]
      .filter((share) => share <= largestShare(capabilities))
      .flatMap((share) => [16, 32, 64, 128].map((width) => lane(share, width))),
  // A software adapter that can take tiles runs them faster, and compiles them in less time.
  worthwhile: (variants, shape, capabilities) =>
    capabilities.software && exactLanes(capabilities)
      ? []
      : (variants as LaneVariant[]).filter(
          ({ share, rows }) =>
            (share === 1 || share === largestShare(capabilities)) &&
            (rows === 32 || (rows > 32 && rows < 2 * ownRows(shape))),
        ),
  ofDefines: (define) => lane(define("SHARE"), define("WIDTH")),
};
