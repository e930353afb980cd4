// How much of a labelled task is embedded and how often, by what the adapter can do.
import type { Capabilities } from "../gpu/capabilities.js";

/** How much is embedded. */
export interface Plan {
  seeds: number;
  /** Most crops of a clip; infinite where they are to cover it. */
  crops: number;
  /** Random encoders; seed s uses number s modulo this. */
  encoders: number;
  /** Most clips of a task. */
  clips: number;
}

/**
 * What the adapter can do in two or three minutes with the demo model. SwiftShader, with subgroups of 4 at most, takes 30 ms a crop
 * on two cores, lavapipe 8.
 */
export function probePlan({ software, subgroupMaxSize }: Capabilities, seeds: number): Plan {
  const all = Number.POSITIVE_INFINITY;
  if (!software) return { seeds, crops: all, encoders: seeds, clips: all };
  if (subgroupMaxSize > 4) return { seeds, crops: all, encoders: Math.min(3, seeds), clips: 600 };
  return { seeds, crops: 2, encoders: 1, clips: 240 };
}
