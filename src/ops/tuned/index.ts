// Choices of kernels that come with melgrad, so that a first run need not measure. The tables are written by
// `npm run tune`, one for each adapter; an adapter of another subgroup size gets none of them.
import type { Capabilities } from "../../gpu/capabilities.js";
import { lavapipe } from "./lavapipe.js";
import { swiftshader } from "./swiftshader.js";
import type { ShippedTable } from "./table.js";

/** What was measured before, by adapter. */
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
