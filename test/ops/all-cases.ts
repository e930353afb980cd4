// All rows of the op table by family, for runners that are bundled and cannot look for the files themselves.
import * as attention from "./attention.cases.js";
import * as binary from "./binary.cases.js";
import type { OpCase } from "./case.js";
import * as cast from "./cast.cases.js";
import * as conv from "./conv.cases.js";
import * as fuse from "./fuse.cases.js";
import * as gather from "./gather.cases.js";
import * as gumbel from "./gumbel.cases.js";
import * as losses from "./losses.cases.js";
import * as matmul from "./matmul.cases.js";
import * as move from "./move.cases.js";
import * as norm from "./norm.cases.js";
import * as reduce from "./reduce.cases.js";
import * as scan from "./scan.cases.js";
import * as softmax from "./softmax.cases.js";
import * as unary from "./unary.cases.js";
import * as view from "./view.cases.js";

export const families: Readonly<Record<string, readonly OpCase[]>> = Object.fromEntries(
  Object.entries({
    ...{ attention, binary, cast, conv, fuse, gather, gumbel, losses, matmul, move },
    ...{ norm, reduce, scan, softmax, unary, view },
  }).map(([family, { cases }]) => [family, cases]),
);
