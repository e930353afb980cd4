// The benchmark's tables as text. Nothing is measured here.
import { fullGrowth, type GrowthRow, tolerance } from "../bench/growth.js";
import { disturbing } from "../bench/load.js";
import type { StepProfile } from "../bench/profile.js";
import type { Ceilings, Row } from "../bench/suites.js";
import { alignTable } from "./table.js";

/** Three significant digits, without an exponent. */
export function figure(value: number | undefined): string {
  if (value === undefined) return "";
  if (value >= 100) return value.toFixed(0);
  return value === 0 ? "0" : value.toPrecision(3);
}

function percent(share: number): string {
  return `${(100 * share).toFixed(share < 0.1 ? 1 : 0)}%`;
}

export function ceilingLines({ gflops, copies, dispatchUs, submitUs, readbackUs }: Ceilings): string[] {
  const copied = copies.map(({ MiB, GBs }) => `${figure(GBs)} over ${MiB} MiB`).join(", ");
  return [
    `multiply-adds: ${figure(gflops)} GFLOP/s`,
    `copy:          GB/s read and written: ${copied}`,
    `dispatch:      ${figure(dispatchUs)} µs each in a submission; one alone, waited for: ${figure(submitUs)} µs, with readback ${figure(readbackUs)} µs`,
  ];
}

const rowHeader = [
  "case",
  "shape",
  "ms",
  "min",
  "each ms",
  "GFLOP/s",
  "GB/s",
  "rate",
  "of ceiling",
  "best",
  "calls",
  "first ms",
];
export const rowLegend =
  "ms, min: median and least time of one call until the device is done. each ms: median per call when `calls` of them are\n" +
  "submitted together; rates follow from it. of ceiling: the least time that multiply-adds, a copy that touches about as many bytes,\n" +
  "or empty dispatches allow, over each ms, and (best) over the least time; every ceiling is the best sample of this run. A copy\n" +
  "counts 8 bytes a float, half of them written; what mostly reads can be above 100%. first ms: with the compilation of the\n" +
  `kernels. *: other processes took more than ${disturbing} cores meanwhile.`;

export function rowTable(rows: readonly Row[]): string {
  return alignTable(rowHeader, rows.map(rowCells), 2);
}

function rowCells(row: Row): string[] {
  const { name, shape, ms, minMs, eachMs, gflops, gbs, rate, share, bestShare, bound } = row;
  const { together, runs, firstMs, othersCores } = row;
  return [
    othersCores > disturbing ? `${name} *` : name,
    shape,
    figure(ms),
    figure(minMs),
    figure(eachMs),
    figure(gflops),
    figure(gbs),
    rate ? `${figure(rate.perSecond)} ${rate.unit}/s` : "",
    `${percent(share)} ${bound}`,
    percent(bestShare),
    `${together}, ${runs} times`,
    figure(firstMs),
  ];
}

/** What a step makes on the device and what JavaScript takes of it. Pure. */
export function stepCounts({ ms, jsMs, minJsMs, counts }: Row): { jsShare: number; usEach: number } {
  return { jsShare: jsMs / ms, usEach: (1000 * minJsMs) / counts.dispatches };
}

/** Counts a step of the training steps among the rows. */
export function countsTable(rows: readonly Row[]): string {
  const header = [
    "counts a step, from the third on",
    "dispatches",
    "submits",
    "buffers",
    "bind groups",
    "JS ms",
    "least",
    "µs a dispatch",
    "of the step",
  ];
  const cells = rows.map((row) => {
    const { dispatches, submits, buffers, bindGroups } = row.counts;
    const { jsShare, usEach } = stepCounts(row);
    const made = [dispatches, submits, buffers, bindGroups].map(count);
    return [row.name, ...made, figure(row.jsMs), figure(row.minJsMs), figure(usEach), percent(jsShare)];
  });
  return alignTable(header, cells);
}

export const countsLegend =
  "buffers, bind groups: made in a step. JS: from the start of a step until all of it is submitted, drawing and uploading the batch\n" +
  "included (median, least); µs a dispatch: of the least, since on software adapters the device's threads take processor time from it;\n" +
  "of the step: the medians.";

/** Whole numbers as they are, averages with two digits. */
function count(value: number): string {
  return Number.isInteger(value) ? String(value) : value.toFixed(2);
}

/** One axis. */
export function growthTable(rows: readonly GrowthRow[]): string {
  if (rows.length === 0) return "";
  const header = [
    rows[0].axis,
    "ms",
    "min",
    "cpu ms",
    "GFLOP",
    "GFLOP/s",
    "time ×",
    "FLOPs ×",
    "ratio",
    "within 15%",
  ];
  const cells = rows.map((row) => [
    String(row.value),
    figure(row.ms),
    figure(row.minMs),
    figure(row.cpuMs),
    figure(row.gflop),
    figure(row.gflops),
    row.timeGrowth ? row.timeGrowth.toFixed(2) : "",
    row.flopGrowth ? row.flopGrowth.toFixed(2) : "",
    row.ratio ? row.ratio.toFixed(2) : "",
    row.within === undefined ? (row.ratio ? "not full" : "") : row.within ? "yes" : "NO",
  ]);
  const table = alignTable(header, cells, 0);
  const whole = fullGrowth(rows);
  if (!whole) return table;
  const { from, to, time, flops, within } = whole;
  return `${table}\nfull from ${from} on: to ${to} time × ${time.toFixed(2)}, FLOPs × ${flops.toFixed(2)}, ${
    within ? "within" : "NOT within"
  } ${100 * tolerance}%`;
}

export const growthLegend =
  "ratio: how time grew over how the FLOP count grew, from the point before; below 1 where the adapter still had room. Full: from the\n" +
  "first point on that reaches 85% of the axis's best GFLOP/s; the point after it must be within 15%. FLOPs: the matrix products of\n" +
  "encoder, heads and losses, forward and backward (src/bench/flops.ts). Captured steps, first two not counted.\n" +
  "cpu ms: processor time of the process, which on software adapters is the device.";

/** A step's dispatches by kernel. */
export function profileTable({ method, dispatches, ms, kernels }: StepProfile, most = 30): string {
  const header = ["kernel", "count", "ms", "share", "GFLOP/s", "GB/s"];
  const cells = kernels
    .slice(0, most)
    .map(({ name, count, ms, share, gflops, gbs }) => [
      name,
      String(count),
      figure(ms),
      percent(share),
      figure(gflops),
      figure(gbs),
    ]);
  const how =
    method === "timestamps"
      ? "by timestamp queries, each in a pass of its own"
      : "each submitted alone and waited for, less an empty submission";
  const rest = kernels.length > most ? `\n… and ${kernels.length - most} more kernels` : "";
  return `${dispatches} dispatches of one step, ${figure(ms)} ms together (${how}; GB/s: of all memory bound, each byte once)\n${alignTable(header, cells)}${rest}`;
}
