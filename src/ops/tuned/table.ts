// What a table of shipped choices is; index.ts finds the one for an adapter.
import type { FamilyTable } from "../../gpu/tuner-store.js";

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
