// Every check there is, by shader. test/checks holds the list against the folder of shaders.
import { attentionChecks } from "./attention.js";
import { audioChecks } from "./audio.js";
import type { CheckTable } from "./check.js";
import { elementwiseChecks } from "./elementwise.js";
import { lossChecks } from "./losses.js";
import { moveChecks } from "./moves.js";
import { optimChecks } from "./optim.js";
import { probeChecks } from "./probe.js";
import { productChecks } from "./products.js";
import { rowChecks } from "./rows.js";
import { scanChecks } from "./scan.js";

export const kernelChecks: CheckTable = {
  ...elementwiseChecks,
  ...moveChecks,
  ...rowChecks,
  ...lossChecks,
  ...productChecks,
  ...attentionChecks,
  ...optimChecks,
  ...scanChecks,
  ...audioChecks,
  ...probeChecks,
};
