// Choices of kernels that come with melgrad, so that a first run need not measure. The tables are written by
// `npm run tune`, one for each adapter; an adapter of another subgroup size gets none of them.
import type { Capabilities } from "../../gpu/capabilities.js";
import type { FamilyTable } from "../../gpu/tuner-store.js";
import { lavapipe } from "./lavapipe.js";
import { swiftshader } from "./swiftshader.js";

/** A table and the adapters that it is for. */
export interface ShippedTable {
  /** Found in the adapter's name, in lower case. */
  adapter: string;
  /** Size of a subgroup; 1 where there are none. */
  lanes: number;
  /** The adapter and driver that it was measured on, and when. */
  measured: string;
  date: string;
  families: Readonly<Record<string, FamilyTable>>;
}

export const shippedTables: readonly ShippedTable[] = [lavapipe, swiftshader];

/** The shipped choices for an adapter. */
export function shippedFor(
  { adapterName, subgroupMinSize, subgroupMaxSize }: Capabilities,
  among: readonly ShippedTable[] = shippedTables,
): ShippedTable | undefined {
  const name = adapterName.toLowerCase();
  return among.find(
    ({ adapter, lanes }) => name.includes(adapter) && lanes === subgroupMinSize && lanes === subgroupMaxSize,
  );
}
