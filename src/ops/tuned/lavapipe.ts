// Written by `npm run tune`: which kernel was the fastest for each bucket of shapes, and how many times faster than the
// one that the rule takes; "" is the rule's. Not to be edited by hand.
import type { ShippedTable } from "./index.js";

// biome-ignore format: one bucket a line
export const lavapipe: ShippedTable = {
  adapter: "llvmpipe",
  lanes: 8,
  measured: "",
  date: "",
  families: {
  },
};
