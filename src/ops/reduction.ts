// The kernels below the reductions: merging one run of axes of [outer, reduce, inner] (two launches where the results are
// few), and spreading per-result values back over the reduced axis. Outside the graph; the operations are in reduce.ts.
import type { Tensor } from "../tensor/tensor.js";
import { teamKernel } from "./alternatives.js";
import { runElementwise } from "./elementwise.js";
import { foldLanes } from "./launch.js";
import { cutters } from "./pieces.js";
import { planTeams } from "./row-teams.js";

/** A tensor seen around the axes of interest. */
export interface View3 {
  outer: number;
  reduce: number;
  inner: number;
}

/** `x` around the neighbouring axes from `first` to `last`. */
export function viewAround(shape: readonly number[], first: number, last = first): View3 {
  const view: View3 = { outer: 1, reduce: 1, inner: 1 };
  shape.forEach((n, axis) => {
    if (axis < first) view.outer *= n;
    else if (axis <= last) view.reduce *= n;
    else view.inner *= n;
  });
  return view;
}

const kinds = { sum: 0, max: 1, min: 2 } as const;

/** What is reduced, from each element to the finished result. */
export interface Reduction {
  kind: keyof typeof kinds;
  /** WGSL expression in the element `x` and in `c`; default `x`. */
  map?: string;
  /** What `c` is, if anything: one value for each result, or another tensor of the same shape. */
  extra?: { tensor: Tensor; per: "result" | "element" };
  /** WGSL expression in the merged value `r`, the number p.scale and, for extras by result, `c1`. */
  finish?: string;
  scale?: number;
}

/** Places along the reduced axis that one invocation (columns) or team (rows, in items) takes at least and at most. */
const software = { columns: 1024, column: 32, teams: 128, row: 1024 };
const hardware = { columns: 65536, column: 16, teams: 2048, row: 256 };
const longestColumn = 2048;
const longestRow = 65536;

declare module "./pieces.js" {
  interface Cutters {
    /** reduceInto in pieces. */
    reduction(x: Tensor, view: View3, reduction: Reduction, out: Tensor): boolean;
  }
}

/** Cuts `length` into equal runs so that there are about `wanted` of them, each between the given bounds. Pure. */
export function splitRun(
  length: number,
  wanted: number,
  shortest: number,
  longest: number,
): { splits: number; chunk: number } {
  if (length === 0) return { splits: 1, chunk: 0 };
  const most = Math.max(1, Math.floor(length / shortest));
  const splits = Math.max(Math.min(Math.ceil(wanted), most), Math.ceil(length / longest), 1);
  const chunk = Math.ceil(length / splits);
  return { splits: Math.ceil(length / chunk), chunk };
}

/** Writes the reduction of `x` over the middle of `view` to `out`, of outer·inner elements. */
export function reduceInto(x: Tensor, view: View3, reduction: Reduction, out: Tensor): void {
  const { outer, reduce, inner } = view;
  if (cutters.reduction?.(x, view, reduction, out)) return;
  const { device } = x.gpu;
  const limits = device.capabilities.software ? software : hardware;
  const { kind, map = "x", extra, finish = "r", scale = 1 } = reduction;
  const defines = { KIND: kinds[kind], MAP: map, WITH: extra ? (extra.per === "result" ? 1 : 2) : 0 };
  const second = extra?.tensor ?? x;
  const rows = inner === 1;
  const vec = rows ? reduce % 4 === 0 || outer === 1 : inner % 4 === 0;
  const run = rows
    ? splitRun(vec ? Math.floor(reduce / 4) : reduce, limits.teams / outer, limits.row, longestRow)
    : splitRun(reduce, limits.columns / (outer * (vec ? inner / 4 : inner)), limits.column, longestColumn);
  const { splits, chunk } = run;
  const single = splits === 1;
  const target = single ? out : x.gpu.empty([outer, splits, inner]);
  const tensors = [x.block, second.block, target.block];
  const finishing = single ? finish : "r";
  if (rows) {
    const length = vec ? 4 * chunk : chunk;
    const { kernel, groups } = teamKernel(device, "reduce/rows", { ...defines, FINISH: finishing }, (team) =>
      planTeams(device.capabilities, outer * splits, length, vec, team),
    );
    const items = vec ? Math.floor(reduce / 4) : reduce;
    const tail = vec ? reduce % 4 : 0;
    const params = { rows: outer * splits, items, tail, splits, chunk, scale };
    device.run(kernel, tensors, params, groups);
  } else {
    const items = vec ? inner / 4 : inner;
    const count = outer * splits * items;
    const kernel = device.kernel("reduce/columns", { VEC: vec, ...defines, FINISH: finishing });
    device.run(kernel, tensors, { count, reduce, items, splits, chunk, scale }, foldLanes(count));
  }
  if (single) return;
  const rest: Reduction = { kind, finish, scale };
  if (extra?.per === "result") rest.extra = extra;
  reduceInto(target, { outer, reduce: splits, inner }, rest, out);
  target.dispose();
}

/** Sums a vector to one number, times `scale`. */
export function total(x: Tensor, scale = 1, out = x.gpu.empty([])): Tensor {
  const view = { outer: 1, reduce: x.size, inner: 1 };
  reduceInto(x, view, { kind: "sum", finish: "r * p.scale", scale }, out);
  return out;
}

/** A result of a reduction spread back over what was reduced. */
export interface Spread {
  /** WGSL expression on vec4s in `x`, if there is one, in `a`, in `b`, if there is one, and in the number c0. */
  expression: string;
  /** Of the result's shape. */
  x?: Tensor;
  /** One value for each result of a reduction over the middle of the view. */
  a: Tensor;
  b?: Tensor;
  /** c0, where the expression has it. */
  scale?: number;
}

/** A tensor of `shape`, seen as `view`: the expression with a and b repeated along the reduced axis. */
export function spread(
  shape: readonly number[],
  view: View3,
  { expression, x, a, b, scale }: Spread,
): Tensor {
  const { outer, reduce, inner } = view;
  const whole = [reduce * inner, inner, 1];
  const line = [inner, 0, 1];
  const operands: Tensor[] = [];
  const strides: number[][] = [];
  let body = "";
  for (const [name, tensor, own] of [
    ["x", x, whole],
    ["a", a, line],
    ["b", b, line],
  ] as const) {
    if (!tensor) continue;
    body += `let ${name} = x${operands.length}; `;
    operands.push(tensor);
    strides.push(own);
  }
  const numbers = scale === undefined ? [] : [scale];
  const walk = { over: [outer, reduce, inner], strides };
  return runElementwise({ body, results: [expression] }, operands, { numbers, walk, shape })[0];
}
