// Enters the ways to cut operands larger than a binding, for the editions that import this. One file for each family of kernels.
import { type Cutters, cutters } from "../pieces.js";
import { cutArenas, cutChunks } from "./arenas.js";
import { cutCopy } from "./copy.js";
import { cutElementwise } from "./elementwise.js";
import { cutAdd, cutPick } from "./gather.js";
import { cutColumnSums, cutProduct } from "./product.js";
import { cutReduction } from "./reduction.js";
import { cutRows, cutSums } from "./rows.js";

const all: Cutters = {
  rows: cutRows,
  sums: cutSums,
  elementwise: cutElementwise,
  copy: cutCopy,
  reduction: cutReduction,
  product: cutProduct,
  columnSums: cutColumnSums,
  pick: cutPick,
  add: cutAdd,
  arenas: cutArenas,
  chunks: cutChunks,
};

Object.assign(cutters, all);
