// Reductions over axes: sum, mean, max, min, var, logsumexp and the L2 norm, each with its gradient. The kernels and how they
// are split are in reduction.ts; argmax is in scan.ts.
import { ShapeError } from "../gpu/errors.js";
import { formatShape, inverseOf, reducedShape, resolveAxes, type Shape, sizeOf } from "../tensor/shape.js";
import type { Tensor } from "../tensor/tensor.js";
import { defineOp, type Op } from "./define.js";
import { combine } from "./elementwise.js";
import { type Reduction, reduceInto, spread, type View3, viewAround } from "./reduction.js";
import { permute, reshape } from "./view.js";

/** Over which axes is reduced. */
export interface ReduceOptions {
  /** Axes to reduce; all where not given. */
  dim?: number | readonly number[] | null;
  /** Keeps reduced axes with length 1. */
  keepDim?: boolean;
}

/** One run of neighbouring axes and the shape of the result. */
interface Run {
  view: View3;
  shape: Shape;
}

/** A run of axes reduced by a kernel into a new tensor. */
function reduced(x: Tensor, { view, shape }: Run, reduction: Reduction): Tensor {
  const out = x.gpu.empty(shape);
  reduceInto(x, view, reduction, out);
  return out;
}

interface Row {
  doc: string;
  forward(x: Tensor, run: Run): Tensor;
  backward(grad: Tensor, x: Tensor, y: Tensor, run: Run): Tensor;
}

/** x where it equals the extreme value of its run: those places share the gradient evenly. */
function extremeGradient(grad: Tensor, x: Tensor, y: Tensor, { view }: Run): Tensor {
  const ties = reduced(
    x,
    { view, shape: y.shape },
    {
      kind: "sum",
      map: "select(ITEM(0.0), ITEM(1.0), x == c)",
      extra: { tensor: y, per: "result" },
    },
  );
  const a = combine("a / b", grad, ties);
  return spread(x.shape, view, { expression: "select(ITEM(0.0), a, x == b)", x, a, b: y });
}

const rows = {
  sum: {
    doc: "The sum over axes, of many partial sums.",
    forward: (x, run) => reduced(x, run, { kind: "sum" }),
    backward: (grad, x, _y, { view }) => spread(x.shape, view, { expression: "a", a: grad }),
  },
  mean: {
    doc: "The mean over axes.",
    forward: (x, run) =>
      reduced(x, run, { kind: "sum", finish: "r * p.scale", scale: inverseOf(run.view.reduce) }),
    backward: (grad, x, _y, { view }) =>
      spread(x.shape, view, { expression: "a * c0", a: grad, scale: inverseOf(view.reduce) }),
  },
  max: {
    doc: "The largest element over axes; equal ones share the gradient evenly.",
    forward: (x, run) => reduced(x, run, { kind: "max" }),
    backward: extremeGradient,
  },
  min: {
    doc: "The smallest element over axes; equal ones share the gradient evenly.",
    forward: (x, run) => reduced(x, run, { kind: "min" }),
    backward: extremeGradient,
  },
  logsumexp: {
    doc: "ln Σ exp(x) over axes, computed from x − max(x).",
    forward(x, run) {
      const top = reduced(x, run, { kind: "max" });
      const map = "exp(x - clamp(c, ITEM(-3.4028234e38), ITEM(3.4028234e38)))";
      const extra = { tensor: top, per: "result" } as const;
      return reduced(x, run, {
        kind: "sum",
        ...{ map, extra },
        finish: "select(log(r) + c1, c1, is_special(c1))", // of −∞ alone, or with +∞ or NaN: that
      });
    },
    backward: (grad, x, y, { view }) =>
      spread(x.shape, view, { expression: "a * exp(x - b)", x, a: grad, b: y }),
  },
  norm: {
    doc: "The square root of the sum of squares over axes; gradient 0 where it is 0.",
    forward: (x, run) => reduced(x, run, { kind: "sum", map: "x * x", finish: "sqrt(r)" }),
    backward: (grad, x, y, { view }) =>
      spread(x.shape, view, {
        expression: "select(a * x / b, ITEM(0.0), b == ITEM(0.0))",
        ...{ x, a: grad, b: y },
      }),
  },
} satisfies Record<string, Row>;

type ReduceName = keyof typeof rows;

const ops = Object.fromEntries(
  (Object.keys(rows) as ReduceName[]).map((name) => {
    const row: Row = rows[name];
    const op = defineOp<Run>({
      name,
      doc: row.doc,
      forward: ([x], run) => ({ output: row.forward(x, run), saved: undefined }),
      backward: ({ grad, inputs: [x], output, options }) => [row.backward(grad, x, output, options)],
    });
    return [name, op];
  }),
) as Record<ReduceName, Op<Run>>;

/** Runs of neighbouring axes, the last first; axes of length 1 between them do not part them. */
function runsOf(shape: Shape, axes: readonly number[]): [first: number, last: number][] {
  const runs: [number, number][] = [];
  for (const axis of axes) {
    const run = runs.at(-1);
    if (run && shape.slice(run[1] + 1, axis).every((n) => n === 1)) run[1] = axis;
    else runs.push([axis, axis]);
  }
  return runs.reverse();
}

/** Applies a reduction run by run, which is the same as all at once for each of the table's. */
function apply(name: ReduceName, x: Tensor, { dim, keepDim = false }: ReduceOptions): Tensor {
  const axes = resolveAxes(dim, x.rank);
  const shape = reducedShape(x.shape, axes, keepDim);
  if ((name === "max" || name === "min") && x.size === 0 && sizeOf(shape) > 0) {
    throw new ShapeError(
      `${name}: ${formatShape(x.shape)} has no element to choose from along ${formatShape(axes)}.`,
    );
  }
  const runs = runsOf(x.shape, axes);
  if (runs.length === 0) return ops[name]([x], { view: viewAround(x.shape, x.rank), shape });
  return runs.reduce((current, [first, last], i) => {
    const between = current.shape.map((n, axis) => (axis >= first && axis <= last ? 1 : n));
    const run = { view: viewAround(current.shape, first, last), shape: between };
    return ops[name]([current], i === runs.length - 1 ? { ...run, shape } : run);
  }, x);
}

/** The sum over `dim`. */
export function sum(x: Tensor, options: ReduceOptions = {}): Tensor {
  return apply("sum", x, options);
}

/** The mean over `dim`. */
export function mean(x: Tensor, options: ReduceOptions = {}): Tensor {
  return apply("mean", x, options);
}

/** The largest element over `dim`. Equal ones share the gradient. */
export function max(x: Tensor, options: ReduceOptions = {}): Tensor {
  return apply("max", x, options);
}

/** The smallest element over `dim`. Equal ones share the gradient. */
export function min(x: Tensor, options: ReduceOptions = {}): Tensor {
  return apply("min", x, options);
}

/** ln Σ exp(x) over `dim`. */
export function logsumexp(x: Tensor, options: ReduceOptions = {}): Tensor {
  return apply("logsumexp", x, options);
}

/** The L2 norm √Σ x² over `dim`. */
export function norm(x: Tensor, options: ReduceOptions = {}): Tensor {
  return apply("norm", x, options);
}

const varOp = defineOp<Run & { correction: number }, Tensor>({
  name: "var",
  doc: "Σ (x − mean)² / (n − correction) over axes, in two walks.",
  forward([x], { view, shape, correction }) {
    const run = { view, shape };
    const centre = reduced(x, run, { kind: "sum", finish: "r * p.scale", scale: inverseOf(view.reduce) });
    const map = "(x - c) * (x - c)";
    const extra = { tensor: centre, per: "result" } as const;
    const scale = inverseOf(view.reduce - correction);
    return {
      output: reduced(x, run, { kind: "sum", map, extra, finish: "r * p.scale", scale }),
      saved: centre,
    };
  },
  backward: ({ grad, inputs: [x], options: { view, correction }, saved: centre }) => [
    spread(x.shape, view, {
      expression: "a * c0 * (x - b)",
      ...{ x, a: grad, b: centre, scale: 2 * inverseOf(view.reduce - correction) },
    }),
  ],
});

/** The variance over `dim` with divisor n − correction (default 1; 0 for the population's). */
export function variance(
  x: Tensor,
  { dim, keepDim = false, correction = 1 }: ReduceOptions & { correction?: number } = {},
): Tensor {
  const axes = resolveAxes(dim, x.rank);
  const shape = reducedShape(x.shape, axes, keepDim);
  const runs = runsOf(x.shape, axes);
  if (runs.length <= 1) {
    const [first, last] = runs[0] ?? [x.rank, x.rank];
    return varOp([x], { view: viewAround(x.shape, first, last), shape, correction });
  }
  const kept = x.shape.map((_, axis) => axis).filter((axis) => !axes.includes(axis));
  const rest = kept.map((axis) => x.shape[axis]);
  const view = { outer: sizeOf(rest), reduce: sizeOf(axes.map((axis) => x.shape[axis])), inner: 1 };
  const result = varOp([permute(x, [...kept, ...axes])], { view, shape: rest, correction });
  return keepDim ? reshape(result, shape) : result;
}
