// The operations that graphs are made of: how each is added to a graph, how it runs, and what it is in float64. Every operation of
// the registry has an entry (graphs.test.ts).
import { attention, attentionFromQkv } from "../../src/ops/attention.js";
import { type BinaryName, binary } from "../../src/ops/binary.js";
import { broadcastTo } from "../../src/ops/broadcast.js";
import { castOp } from "../../src/ops/cast.js";
import { conv2d } from "../../src/ops/conv.js";
import { type CrossEntropyOptions, crossEntropy, type LossReduction } from "../../src/ops/cross-entropy.js";
import { dropout, dropoutKey, dropoutThreshold, hash32 } from "../../src/ops/dropout.js";
import { fuse } from "../../src/ops/fuse.js";
import { gather, indexSelect, scatterAdd } from "../../src/ops/gather.js";
import { infonce } from "../../src/ops/infonce.js";
import { layerNorm } from "../../src/ops/layer-norm.js";
import { linear } from "../../src/ops/linear.js";
import { bceWithLogits, mse } from "../../src/ops/losses.js";
import { matmul } from "../../src/ops/matmul.js";
import { mlp } from "../../src/ops/mlp.js";
import { concat, pad, slice, where } from "../../src/ops/move.js";
import { cosineSimilarity, normalize } from "../../src/ops/normalize.js";
import { oneHot } from "../../src/ops/one-hot.js";
import { logsumexp, max, mean, min, norm, type ReduceOptions, sum, variance } from "../../src/ops/reduce.js";
import { argmax, cumsum, topk } from "../../src/ops/scan.js";
import { rowTable, selectRows } from "../../src/ops/select-rows.js";
import { logSoftmax, softmax } from "../../src/ops/softmax.js";
import { type UnaryName, type UnaryOptions, unary } from "../../src/ops/unary.js";
import { permute, reshape } from "../../src/ops/view.js";
import { broadcastShapes, reducedShape, resolveAxes, sizeOf } from "../../src/tensor/shape.js";
import type { Tensor } from "../../src/tensor/tensor.js";
import { add, along, collapse, lanes, logSumExp } from "../ops/lanes.js";
import { build, element, erf, unravel, zip } from "../ops/reference.js";
import { type Builder, type Draw, unfit, type Values } from "./graph.js";

type Read = (x: number) => number;

export interface GraphOp {
  /** Adds it to a graph; throws `unfit` where it cannot. */
  plan(draw: Draw, graph: Builder): void;
  run(inputs: readonly Tensor[], options: never): Tensor;
  /** `read` passes a term on with float32's last places changed, where noise is to be seen. */
  reference(inputs: readonly Values[], options: never, read: Read): Values;
}

interface Typed<Options> {
  plan(draw: Draw, graph: Builder): void;
  run(inputs: readonly Tensor[], options: Options): Tensor;
  reference(inputs: readonly Values[], options: Options, read: Read): Values;
}

const entry = <Options>(typed: Typed<Options>): GraphOp => typed as unknown as GraphOp;
const map = ({ data, shape }: Values, f: (x: number) => number): Values => ({ data: data.map(f), shape });
const require = (fits: boolean): void => {
  if (!fits) throw unfit;
};

const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));
// Far below zero 1 + erf is what is left of two terms that cancel.
const gelu = (x: number, read: Read) => 0.5 * x * (1 + read(erf(x / Math.SQRT2)));
const geluTanh = (x: number) => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)));

type Number1 = (x: number, a: number, b: number, read: Read) => number;
/** f, and what its operand has to be. */
const unaries: Record<UnaryName, [Number1, ("any" | "small" | "positive" | "off zero")?]> = {
  neg: [(x) => -x],
  abs: [Math.abs, "off zero"],
  exp: [Math.exp, "small"],
  log: [Math.log, "positive"],
  sqrt: [Math.sqrt, "positive"],
  rsqrt: [(x) => 1 / Math.sqrt(x), "positive"],
  reciprocal: [(x) => 1 / x, "positive"],
  square: [(x) => x * x, "small"],
  relu: [(x) => Math.max(x, 0), "off zero"],
  sigmoid: [sigmoid],
  tanh: [Math.tanh],
  silu: [(x) => x * sigmoid(x)],
  gelu: [(x, _a, _b, read) => gelu(x, read)],
  gelu_tanh: [geluTanh],
  affine: [(x, a, b) => a * x + b],
  clamp: [(x, a, b) => Math.min(Math.max(x, a), b)],
  pow_scalar: [(x, a) => x ** a, "positive"],
};

function unaryEntry(name: UnaryName): GraphOp {
  const [f, domain = "any"] = unaries[name];
  return entry<UnaryOptions>({
    plan(draw, graph) {
      let x = graph.any(draw);
      if (domain === "small") x = graph.small(x);
      if (domain === "positive") x = graph.positive(x);
      const options: UnaryOptions = {};
      if (name === "affine")
        Object.assign(options, { a: draw.of([-1.5, 0.25, 2, 0]), b: draw.of([0.5, 0, -3]) });
      if (name === "pow_scalar") options.a = draw.of([2, 0.5, -1, 3, -0.75]);
      if (name === "clamp") {
        Object.assign(options, { a: -0.75, b: draw.of([0.5, 2]) });
        for (const edge of [-0.75, options.b ?? 0]) {
          require(graph.values[x].data.every((v) => Math.abs(v - edge) > 1e-3));
        }
      }
      if (domain === "off zero") require(graph.values[x].data.every((v) => Math.abs(v) > 1e-3));
      graph.step(name, [x], options);
    },
    run: (inputs, options) => unary[name](inputs, options),
    reference: ([x], { a = 0, b = 0 }, read) => map(x, (v) => f(v, a, b, read)),
  });
}

const binaries: Record<BinaryName, (a: number, b: number) => number> = {
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: (a, b) => a * b,
  div: (a, b) => a / b,
  maximum: Math.max,
  minimum: Math.min,
  pow: (a, b) => a ** b,
};

/** A shape that broadcasts with `shape`. */
function beside(draw: Draw, shape: readonly number[]): number[] {
  const kept = shape.slice(draw.int(shape.length + 1));
  return kept.map((n) => (draw.int(3) === 2 ? 1 : n));
}

function binaryEntry(name: BinaryName): GraphOp {
  return entry<object>({
    plan(draw, graph) {
      let x = graph.any(draw);
      if (name === "pow") x = graph.positive(x);
      const { shape } = graph.values[x];
      const other = draw.int(2) === 0 ? shape : beside(draw, shape);
      let y = graph.like(draw, other, name === "div" || name === "pow" ? "positive" : "normal");
      if (name === "mul" && draw.int(5) === 4) y = x;
      const tied = name === "maximum" || name === "minimum";
      if (tied) {
        const out = broadcastShapes(shape, graph.values[y].shape);
        const gaps = zip(out, [graph.values[x], graph.values[y]], (a, b) => Math.abs(a - b));
        require(gaps.every((gap) => gap > 2e-3));
      }
      graph.step(name, draw.int(4) === 3 && name !== "div" && name !== "pow" ? [y, x] : [x, y]);
    },
    run: (inputs) => binary[name](inputs),
    reference: (inputs) => {
      const shape = broadcastShapes(inputs[0].shape, inputs[1].shape);
      return { data: zip(shape, inputs, binaries[name]), shape };
    },
  });
}

const average = (vector: readonly number[]) => add(vector) / vector.length;
const reductions: Record<
  string,
  [(x: Tensor, options: ReduceOptions) => Tensor, (vector: number[]) => number]
> = {
  sum: [sum, add],
  mean: [mean, average],
  max: [max, (vector) => vector.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY)],
  min: [min, (vector) => vector.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY)],
  logsumexp: [logsumexp, logSumExp],
  norm: [norm, (vector) => Math.sqrt(add(vector.map((x) => x * x)))],
  var: [
    (x, options) => variance(x, { ...options, correction: 0 }),
    (vector) => average(vector.map((x) => (x - average(vector)) ** 2)),
  ],
};

function reductionEntry(name: string): GraphOp {
  const [run, f] = reductions[name];
  return entry<ReduceOptions>({
    plan(draw, graph) {
      let x = graph.any(draw);
      const { rank } = { rank: graph.values[x].shape.length };
      const dim =
        draw.int(3) === 2 ? undefined : graph.values[x].shape.flatMap((_, i) => (draw.int(2) ? [i] : []));
      const axes = resolveAxes(dim, rank);
      if (name === "norm") x = graph.positive(x);
      if (name === "max" || name === "min") {
        require(sizeOf(graph.values[x].shape) > 0);
        collapse(graph.values[x], axes, (vector) => {
          graph.apart(vector);
          return 0;
        });
      }
      graph.step(name, [x], { dim, keepDim: draw.int(2) === 1 });
    },
    run: ([x], options) => run(x, options),
    reference([x], { dim, keepDim = false }) {
      const axes = resolveAxes(dim, x.shape.length);
      return { data: collapse(x, axes, f), shape: reducedShape(x.shape, axes, keepDim) };
    },
  });
}

/** A float node of at least one axis, and one of its axes. */
function withAxis(draw: Draw, graph: Builder): [x: number, axis: number] {
  const x = graph.any(draw);
  const { shape } = graph.values[x];
  require(shape.length > 0);
  return [x, shape.length - 1 - draw.int(shape.length)];
}

function alongEntry(
  name: string,
  run: (x: Tensor, options: { dim: number }) => Tensor,
  f: (vector: number[], read: Read) => ArrayLike<number>,
): GraphOp {
  return entry<{ dim: number }>({
    plan(draw, graph) {
      const [x, dim] = withAxis(draw, graph);
      const own = name === "normalize" ? graph.positive(x) : x;
      graph.step(name, [own], { dim });
    },
    run: ([x], options) => run(x, options),
    reference: ([x], { dim }, read) => ({
      data: along(x, dim, (vector) => f(vector, read)),
      shape: x.shape,
    }),
  });
}

const lengthOf = (vector: readonly number[]) => Math.max(1e-8, Math.sqrt(add(vector.map((x) => x * x))));

function cosineEntry(name: "cosine_rows" | "cosine_similarity"): GraphOp {
  return entry<{ dim: number }>({
    plan(draw, graph) {
      const [from, axis] = withAxis(draw, graph);
      const x = graph.positive(from);
      const { shape } = graph.values[x];
      const rows = name === "cosine_rows";
      const other = rows ? shape : shape.map((n, i) => (i === axis || draw.int(2) ? n : 1));
      const y = graph.like(draw, other, "positive");
      const dim = rows ? -1 : axis - shape.length;
      require(rows || dim !== -1 || String(other) !== String(shape));
      graph.step(name, [x, y], { dim });
    },
    run: ([x, y], { dim }) => cosineSimilarity(x, y, { dim }),
    reference([x, y], { dim }) {
      const shape = broadcastShapes(x.shape, y.shape);
      const axis = shape.length + dim;
      const units = [x, y].map((value) => ({
        shape: value.shape,
        data: along(value, value.shape.length + dim, (vector) => vector.map((v) => v / lengthOf(vector))),
      }));
      const products = { data: zip(shape, units, (u, v) => u * v), shape };
      return { data: collapse(products, [axis], add), shape: shape.toSpliced(axis, 1) };
    },
  });
}

interface Matmul {
  transposeA: boolean;
  transposeB: boolean;
}

function multiplied(a: Values, b: Values, { transposeA, transposeB }: Matmul): Values {
  const swap = (shape: readonly number[], swapped: boolean) =>
    swapped ? [...shape.slice(0, -2), shape[shape.length - 1], shape[shape.length - 2]] : [...shape];
  const [left, right] = [swap(a.shape, transposeA), swap(b.shape, transposeB)];
  const [m, k] = left.slice(-2);
  const n = right[right.length - 1];
  const batch = broadcastShapes(left.slice(0, -2), right.slice(0, -2));
  const at = (shape: readonly number[], place: readonly number[]) =>
    place.slice(place.length - (shape.length - 2)).map((i, axis) => (shape[axis] === 1 ? 0 : i));
  const shape = [...batch, m, n];
  const data = build(shape, (place) => {
    const [i, j] = place.slice(-2);
    const outer = place.slice(0, -2);
    const [one, two] = [at(left, outer), at(right, outer)];
    let total = 0;
    for (let l = 0; l < k; l++) {
      total +=
        element(a, transposeA ? [...one, l, i] : [...one, i, l]) *
        element(b, transposeB ? [...two, j, l] : [...two, l, j]);
    }
    return total;
  });
  return { data, shape };
}

function projected(x: Values, weight: Values, bias: Values | undefined): Values {
  const [outputs, inputs] = weight.shape;
  const shape = [...x.shape.slice(0, -1), outputs];
  const data = Float64Array.from({ length: sizeOf(shape) }, (_, at) => {
    const [row, column] = [Math.floor(at / outputs), at % outputs];
    let total = bias?.data[column] ?? 0;
    for (let i = 0; i < inputs; i++) total += x.data[row * inputs + i] * weight.data[column * inputs + i];
    return total;
  });
  return { data, shape };
}

const activated = (x: Values, form: Activation, read: Read) =>
  map(x, (v) => (form === "exact" ? gelu(v, read) : form === "tanh" ? geluTanh(v) : v));
const geluForms = { none: false, exact: true, tanh: "tanh" } as const;
type Activation = keyof typeof geluForms;

function plus(x: Values, y: Values | undefined): Values {
  return y ? { data: x.data.map((v, i) => v + y.data[i]), shape: x.shape } : x;
}

interface Heads {
  mask: "none" | "keep" | "add";
}

/** Attention of q [B, H, Tq, D] and k, v [B, H, Tk, D]; a mask is [B, Tk] of 0 and 1, or numbers [Tq, Tk]. */
function attended([q, k, v, mask]: readonly Values[], kind: Heads["mask"]): Values {
  const [batch, heads, tq, dim] = q.shape;
  const tk = k.shape[2];
  const data = new Float64Array(sizeOf(q.shape));
  for (let pair = 0; pair < batch * heads; pair++) {
    for (let i = 0; i < tq; i++) {
      const scores = Array.from({ length: tk }, (_, j) => {
        if (kind === "keep" && mask.data[Math.floor(pair / heads) * tk + j] === 0)
          return Number.NEGATIVE_INFINITY;
        let dot = 0;
        for (let d = 0; d < dim; d++)
          dot += q.data[(pair * tq + i) * dim + d] * k.data[(pair * tk + j) * dim + d];
        return dot / Math.sqrt(dim) + (kind === "add" ? mask.data[i * tk + j] : 0);
      });
      const top = Math.max(...scores);
      const weights = scores.map((score) => (top === Number.NEGATIVE_INFINITY ? 0 : Math.exp(score - top)));
      const total = add(weights) || 1;
      for (let d = 0; d < dim; d++) {
        let value = 0;
        for (let j = 0; j < tk; j++) value += weights[j] * v.data[(pair * tk + j) * dim + d];
        data[(pair * tq + i) * dim + d] = value / total;
      }
    }
  }
  return { data, shape: q.shape };
}

function drawMask(draw: Draw, graph: Builder, batch: number, tq: number, tk: number): [Heads, number[]] {
  const mask = draw.of(["none", "keep", "add"] as const);
  if (mask === "none") return [{ mask }, []];
  if (mask === "keep") return [{ mask }, [graph.leaf(draw, "index", [batch, tk], 2)]];
  return [{ mask }, [graph.leaf(draw, "fixed", [tq, tk])]];
}

const maskOptions = (kind: Heads["mask"], mask: Tensor | undefined) =>
  kind === "keep" ? { keyKeep: mask } : kind === "add" ? { mask } : {};

function losses(
  values: readonly number[],
  reduction: LossReduction,
  shape: readonly number[],
  count = values.length,
): Values {
  if (reduction === "none") return { data: Float64Array.from(values), shape };
  return { data: Float64Array.of(add(values) / (reduction === "mean" ? count : 1)), shape: [] };
}

const drawReduction = (draw: Draw): LossReduction => draw.of(["mean", "sum", "none"] as const);

interface Convolution {
  stride: number;
  padding: number;
}

const fusedChains = [
  {
    run: fuse((x, y) => x.mul(2).add(y).gelu()),
    f: (x: number, y: number, read: Read) => gelu(2 * x + y, read),
  },
  {
    run: fuse((x, y) => {
      const u = x.sub(y).sigmoid();
      return u.mul(u).add(x.tanh());
    }),
    f: (x: number, y: number) => sigmoid(x - y) ** 2 + Math.tanh(x),
  },
  {
    run: fuse((x, y) => x.square().div(y.square().add(1)).neg().add(0.5)),
    f: (x: number, y: number) => 0.5 - (x * x) / (y * y + 1),
  },
];

export const graphOps: Readonly<Record<string, GraphOp>> = {
  ...Object.fromEntries((Object.keys(unaries) as UnaryName[]).map((name) => [name, unaryEntry(name)])),
  ...Object.fromEntries((Object.keys(binaries) as BinaryName[]).map((name) => [name, binaryEntry(name)])),
  ...Object.fromEntries(Object.keys(reductions).map((name) => [name, reductionEntry(name)])),
  softmax: alongEntry("softmax", softmax, (vector) => {
    const level = logSumExp(vector);
    return vector.map((x) => Math.exp(x - level));
  }),
  log_softmax: alongEntry("log_softmax", logSoftmax, (vector, read) => {
    // Where one is far above the others the sum is all but 1, and its logarithm what is left of the last places.
    const level = logSumExp(vector, read);
    return vector.map((x) => x - level);
  }),
  normalize: alongEntry("normalize", normalize, (vector) => vector.map((x) => x / lengthOf(vector))),
  cumsum: alongEntry("cumsum", cumsum, (vector) => {
    let total = 0;
    return vector.map((x) => {
      total += x;
      return total;
    });
  }),
  cosine_rows: cosineEntry("cosine_rows"),
  cosine_similarity: cosineEntry("cosine_similarity"),
  layer_norm: entry<{ weight: boolean; bias: boolean }>({
    plan(draw, graph) {
      const x = graph.any(draw);
      const { shape } = graph.values[x];
      require(shape.length > 0);
      const options = { weight: draw.int(3) > 0, bias: draw.int(3) > 0 };
      const width = shape.slice(-1);
      const further = [options.weight, options.bias].flatMap((has) => (has ? [graph.like(draw, width)] : []));
      graph.step("layer_norm", [x, ...further], options);
    },
    run: ([x, ...rest], { weight, bias }) =>
      layerNorm(x, weight ? rest[0] : undefined, bias ? rest[rest.length - 1] : undefined, { eps: 1e-3 }),
    reference([x, ...rest], { weight, bias }) {
      const data = along(x, x.shape.length - 1, (row) => {
        const centre = average(row);
        const deviation = Math.sqrt(average(row.map((v) => (v - centre) ** 2)) + 1e-3);
        return row.map(
          (v, i) =>
            ((v - centre) / deviation) * (weight ? rest[0].data[i] : 1) +
            (bias ? rest[rest.length - 1].data[i] : 0),
        );
      });
      return { data, shape: x.shape };
    },
  }),
  matmul: entry<Matmul>({
    plan(draw, graph) {
      const x = graph.any(draw);
      const { shape } = graph.values[x];
      require(shape.length >= 2);
      const options = { transposeA: draw.int(3) === 2, transposeB: draw.int(3) === 2 };
      const k = shape[shape.length - (options.transposeA ? 2 : 1)];
      const n = draw.of([3, 1, 4, 8, 0, 5, 16, 13]);
      const outer = shape.slice(0, -2);
      const batch = draw.int(2) === 0 ? [] : outer.map((length) => (draw.int(3) === 2 ? 1 : length));
      const y = graph.like(draw, [...batch, ...(options.transposeB ? [n, k] : [k, n])]);
      graph.step("matmul", [x, y], options);
    },
    run: ([a, b], options) => matmul(a, b, options),
    reference: ([a, b], options) => multiplied(a, b, options),
  }),
  linear: entry<{ bias: boolean; gelu: Activation; residual: boolean }>({
    plan(draw, graph) {
      const x = graph.any(draw);
      const { shape } = graph.values[x];
      require(shape.length > 0);
      const outputs = draw.of([4, 3, 8, 1, 0, 7, 16]);
      const options = {
        bias: draw.int(3) > 0,
        gelu: draw.of(["none", "exact", "tanh"] as const),
        residual: draw.int(3) === 2,
      };
      const inputs = [x, graph.like(draw, [outputs, shape[shape.length - 1]])];
      if (options.bias) inputs.push(graph.like(draw, [outputs]));
      if (options.residual) inputs.push(graph.like(draw, [...shape.slice(0, -1), outputs]));
      graph.step("linear", inputs, options);
    },
    run: (inputs, { bias, gelu: form, residual }) =>
      linear(inputs[0], inputs[1], bias ? inputs[2] : undefined, {
        gelu: geluForms[form],
        residual: residual ? inputs[inputs.length - 1] : undefined,
      }),
    reference(inputs, { bias, gelu: form, residual }, read) {
      const y = activated(projected(inputs[0], inputs[1], bias ? inputs[2] : undefined), form, read);
      return plus(y, residual ? inputs[inputs.length - 1] : undefined);
    },
  }),
  mlp: entry<{ gelu: "exact" | "tanh"; residual: boolean }>({
    plan(draw, graph) {
      const x = graph.any(draw);
      const { shape } = graph.values[x];
      require(shape.length > 0);
      const width = shape[shape.length - 1];
      const [inner, outputs] = [draw.of([4, 8, 5, 0, 12]), draw.of([3, width, 8, 1])];
      const options = { gelu: draw.of(["exact", "tanh"] as const), residual: draw.int(2) === 1 };
      const shapes = [[inner, width], [inner], [outputs, inner], [outputs]];
      const inputs = [x, ...shapes.map((own) => graph.like(draw, own))];
      if (options.residual) inputs.push(graph.like(draw, [...shape.slice(0, -1), outputs]));
      graph.step("mlp", inputs, options);
    },
    run: ([x, weight1, bias1, weight2, bias2, residual], { gelu: form }) =>
      mlp(x, { weight1, bias1, weight2, bias2 }, { gelu: form === "tanh" ? "tanh" : true, residual }),
    reference: ([x, w1, b1, w2, b2, residual], { gelu: form }, read) =>
      plus(projected(activated(projected(x, w1, b1), form, read), w2, b2), residual),
  }),
  attention: entry<Heads>({
    plan(draw, graph) {
      const [batch, heads, tq] = [draw.of([1, 2, 0]), draw.of([1, 2, 3]), draw.of([3, 5, 1, 9, 0])];
      const [tk, dim] = [draw.of([3, 4, 1, 7, 0]), draw.of([4, 8, 3, 1])];
      const q = graph.small(graph.like(draw, [batch, heads, tq, dim]));
      const k = graph.small(graph.like(draw, [batch, heads, tk, dim]));
      const v = graph.like(draw, [batch, heads, tk, dim]);
      const [options, mask] = drawMask(draw, graph, batch, tq, tk);
      graph.step("attention", [q, k, v, ...mask], options);
    },
    run: ([q, k, v, mask], { mask: kind }) => attention(q, k, v, maskOptions(kind, mask)),
    reference: (inputs, { mask }) => attended(inputs, mask),
  }),
  attention_qkv: entry<Heads & { heads: number }>({
    plan(draw, graph) {
      const [batch, tokens, heads] = [draw.of([1, 2]), draw.of([3, 5, 1, 8, 0]), draw.of([1, 2])];
      const dim = draw.of([4, 3, 8]);
      const x = graph.small(graph.like(draw, [batch, tokens, 3 * heads * dim]));
      const [options, mask] = drawMask(draw, graph, batch, tokens, tokens);
      graph.step("attention_qkv", [x, ...mask], { ...options, heads });
    },
    run: ([x, mask], { mask: kind, heads }) => attentionFromQkv(x, heads, maskOptions(kind, mask)),
    reference([x, mask], { mask: kind, heads }) {
      const [batch, tokens, width] = x.shape;
      const dim = width / 3 / heads;
      const part = (which: number): Values => {
        const shape = [batch, heads, tokens, dim];
        return {
          shape,
          data: build(shape, ([b, h, t, d]) => element(x, [b, t, (which * heads + h) * dim + d])),
        };
      };
      const y = attended([part(0), part(1), part(2), mask], kind);
      const shape = [batch, tokens, heads * dim];
      return { shape, data: build(shape, ([b, t, c]) => element(y, [b, Math.floor(c / dim), t, c % dim])) };
    },
  }),
  conv2d: entry<Convolution & { bias: boolean }>({
    plan(draw, graph) {
      const [batch, channels, maps] = [draw.of([1, 2, 0]), draw.of([1, 2, 3]), draw.of([2, 1, 4])];
      const [height, width] = [draw.of([4, 6, 5]), draw.of([8, 5, 4])];
      const [kh, kw] = [draw.of([2, 3, 1]), draw.of([2, 1, 3])];
      const options = { stride: draw.of([1, 2]), padding: draw.of([0, 1]), bias: draw.int(2) === 1 };
      const x = graph.like(draw, [batch, channels, height, width]);
      const inputs = [x, graph.like(draw, [maps, channels, kh, kw])];
      if (options.bias) inputs.push(graph.like(draw, [maps]));
      graph.step("conv2d", inputs, options);
    },
    run: ([x, weight, bias], { stride, padding }) => conv2d(x, weight, bias, { stride, padding }),
    reference([x, weight, bias], { stride, padding }) {
      const [batch, channels, height, width] = x.shape;
      const [maps, , kh, kw] = weight.shape;
      const out = (n: number, kernel: number) => Math.floor((n + 2 * padding - kernel) / stride) + 1;
      const shape = [batch, maps, out(height, kh), out(width, kw)];
      const data = build(shape, ([b, o, oy, ox]) => {
        let total = bias?.data[o] ?? 0;
        for (let c = 0; c < channels; c++) {
          for (let ky = 0; ky < kh; ky++) {
            for (let kx = 0; kx < kw; kx++) {
              const [y, at] = [oy * stride + ky - padding, ox * stride + kx - padding];
              if (y < 0 || y >= height || at < 0 || at >= width) continue;
              total += element(x, [b, c, y, at]) * element(weight, [o, c, ky, kx]);
            }
          }
        }
        return total;
      });
      return { data, shape };
    },
  }),
  fused: entry<{ chain: number }>({
    plan(draw, graph) {
      const x = graph.small(graph.any(draw));
      const { shape } = graph.values[x];
      const y = graph.like(draw, draw.int(2) ? shape : beside(draw, shape));
      graph.step("fused", [x, y], { chain: draw.int(fusedChains.length) });
    },
    run: ([x, y], { chain }) => fusedChains[chain].run(x, y),
    reference([x, y], { chain }, read) {
      const shape = broadcastShapes(x.shape, y.shape);
      return { data: zip(shape, [x, y], (a, b) => fusedChains[chain].f(a, b, read)), shape };
    },
  }),
  where: entry<object>({
    plan(draw, graph) {
      const x = graph.any(draw);
      const { shape } = graph.values[x];
      const condition = graph.leaf(draw, "index", draw.int(2) ? shape : beside(draw, shape), 2);
      graph.step("where", [condition, x, graph.like(draw, draw.int(2) ? shape : beside(draw, shape))]);
    },
    run: ([condition, a, b]) => where(condition, a, b),
    reference(inputs) {
      const shape = inputs.map((input) => input.shape).reduce(broadcastShapes, []);
      return { data: zip(shape, inputs, (condition, a, b) => (condition !== 0 ? a : b)), shape };
    },
  }),
  dropout: entry<{ p: number; seed?: number }>({
    plan(draw, graph) {
      const x = graph.any(draw);
      const p = draw.of([0.25, 0.5]);
      if (draw.int(2) === 0) graph.step("dropout", [x], { p, seed: draw.int(1000) });
      else graph.step("dropout", [x, graph.leaf(draw, "index", graph.values[x].shape, 2)], { p });
    },
    run: ([x, keep], { p, seed }) => dropout(x, { p, seed, keep }),
    reference([x, keep], { p, seed = 0 }) {
      const kept = (i: number) => hash32((hash32(i) ^ dropoutKey(seed)) >>> 0) >= dropoutThreshold(p);
      const data = x.data.map((v, i) => ((keep ? keep.data[i] !== 0 : kept(i)) ? v / (1 - p) : 0));
      return { data, shape: x.shape };
    },
  }),
  cast: entry<object>({
    plan: (draw, graph) => void graph.step("cast", [graph.any(draw)]),
    run: (inputs) => castOp(inputs, { dtype: "f32" }),
    reference: ([x]) => x,
  }),
  reshape: entry<{ shape: number[] }>({
    plan(draw, graph) {
      const x = graph.any(draw);
      const { shape } = graph.values[x];
      const size = sizeOf(shape);
      const factor = draw.of([2, 3, 4, 5, 8].filter((n) => size % n === 0).concat(1));
      const to = draw.of([[size], [factor, size / factor], [size / factor, 1, factor], shape.toReversed()]);
      graph.step("reshape", [x], { shape: to });
    },
    run: ([x], { shape }) => reshape(x, shape),
    reference: ([x], { shape }) => ({ data: x.data, shape }),
  }),
  permute: entry<{ dims: number[] }>({
    plan(draw, graph) {
      const x = graph.any(draw);
      const left = graph.values[x].shape.map((_, i) => i);
      const dims: number[] = [];
      while (left.length > 0) dims.push(...left.splice(left.length - 1 - draw.int(left.length), 1));
      require(dims.length > 1);
      graph.step("permute", [x], { dims });
    },
    run: ([x], { dims }) => permute(x, dims),
    reference([x], { dims }) {
      const shape = dims.map((axis) => x.shape[axis]);
      const back = dims.map((_, axis) => dims.indexOf(axis));
      return {
        data: build(shape, (at) =>
          element(
            x,
            back.map((i) => at[i]),
          ),
        ),
        shape,
      };
    },
  }),
  broadcast_to: entry<{ shape: number[] }>({
    plan(draw, graph) {
      const x = graph.any(draw);
      const { shape } = graph.values[x];
      require(sizeOf(shape) <= 100);
      const to = shape.map((n) => (n === 1 ? draw.of([4, 1, 3, 0]) : n));
      graph.step("broadcast_to", [x], { shape: draw.int(2) ? [draw.of([2, 1, 3, 0]), ...to] : to });
    },
    run: ([x], { shape }) => broadcastTo(x, shape),
    reference: ([x], { shape }) => ({ data: zip(shape, [x], (v) => v), shape }),
  }),
  slice: entry<{ starts: number[]; steps: number[]; shape: number[] }>({
    plan(draw, graph) {
      const x = graph.any(draw);
      const [starts, steps, out]: number[][] = [[], [], []];
      for (const n of graph.values[x].shape) {
        const [step, start] = [draw.of([1, 2, -1, 1]), n === 0 ? 0 : draw.int(n)];
        const room = n === 0 ? 0 : step > 0 ? Math.ceil((n - start) / step) : start + 1;
        starts.push(start);
        steps.push(step);
        out.push(room - (draw.int(3) === 2 ? Math.min(1, room) : 0));
      }
      require(out.length > 0);
      graph.step("slice", [x], { starts, steps, shape: out });
    },
    run: ([x], { starts, steps, shape }) =>
      slice(
        x,
        starts.map((start, i) => {
          const stop = start + steps[i] * shape[i];
          return shape[i] === 0 ? [start, start, 1] : [start, stop < 0 ? null : stop, steps[i]];
        }),
      ),
    reference: ([x], { starts, steps, shape }) => ({
      data: build(shape, (at) =>
        element(
          x,
          at.map((i, axis) => starts[axis] + steps[axis] * i),
        ),
      ),
      shape,
    }),
  }),
  concat: entry<{ dim: number }>({
    plan(draw, graph) {
      const [x, dim] = withAxis(draw, graph);
      const { shape } = graph.values[x];
      const others = Array.from({ length: 1 + draw.int(2) }, () =>
        graph.like(draw, draw.int(2) ? shape : shape.with(dim, draw.of([1, 4, 0, 3]))),
      );
      graph.step("concat", [x, ...others], { dim });
    },
    run: (inputs, options) => concat(inputs, options),
    reference(inputs, { dim }) {
      const shape = inputs[0].shape.with(
        dim,
        inputs.reduce((total, input) => total + input.shape[dim], 0),
      );
      const data = build(shape, (at) => {
        let i = at[dim];
        for (const part of inputs) {
          if (i < part.shape[dim]) return element(part, at.with(dim, i));
          i -= part.shape[dim];
        }
        return Number.NaN;
      });
      return { data, shape };
    },
  }),
  pad: entry<{ pads: [number, number][]; value: number }>({
    plan(draw, graph) {
      const x = graph.any(draw);
      require(sizeOf(graph.values[x].shape) <= 200);
      const pads = graph.values[x].shape.map(
        () => [draw.of([0, 1, 4]), draw.of([0, 2, 1])] as [number, number],
      );
      graph.step("pad", [x], { pads, value: draw.of([0, -1.5]) });
    },
    run: ([x], { pads, value }) => pad(x, pads, value),
    reference([x], { pads, value }) {
      const shape = x.shape.map((n, i) => n + pads[i][0] + pads[i][1]);
      const data = build(shape, (at) => {
        const from = at.map((i, axis) => i - pads[axis][0]);
        return from.every((i, axis) => i >= 0 && i < x.shape[axis]) ? element(x, from) : value;
      });
      return { data, shape };
    },
  }),
  gather: entry<{ dim: number }>({
    plan(draw, graph) {
      const [x, dim] = withAxis(draw, graph);
      const { shape } = graph.values[x];
      require(shape[dim] > 0);
      const index = shape.map((n, i) => (i === dim ? draw.of([2, 1, 5, 0]) : n));
      graph.step("gather", [x, graph.leaf(draw, "index", index, shape[dim])], { dim });
    },
    run: ([x, index], options) => gather(x, index, options),
    reference: ([x, index], { dim }) => ({
      data: build(index.shape, (at) => element(x, at.with(dim, element(index, at)))),
      shape: index.shape,
    }),
  }),
  index_select: entry<{ dim: number }>({
    plan(draw, graph) {
      const [x, dim] = withAxis(draw, graph);
      const { shape } = graph.values[x];
      require(shape[dim] > 0 && sizeOf(shape) <= 200);
      graph.step("index_select", [x, graph.leaf(draw, "index", [draw.of([3, 1, 6, 0])], shape[dim])], {
        dim,
      });
    },
    run: ([x, index], options) => indexSelect(x, index, options),
    reference([x, index], { dim }) {
      const shape = x.shape.with(dim, index.data.length);
      return { data: build(shape, (at) => element(x, at.with(dim, index.data[at[dim]]))), shape };
    },
  }),
  scatter_add: entry<{ dim: number }>({
    plan(draw, graph) {
      const [x, dim] = withAxis(draw, graph);
      const { shape } = graph.values[x];
      require(shape[dim] > 0);
      const picks = shape.with(dim, draw.of([3, 1, 6, 0]));
      const index = graph.leaf(draw, "index", picks, shape[dim]);
      graph.step("scatter_add", [x, index, graph.like(draw, picks)], { dim });
    },
    run: ([x, index, src], options) => scatterAdd(x, index, src, options),
    reference([x, index, src], { dim }) {
      const data = x.data.slice();
      src.data.forEach((value, i) => {
        const at = unravel(i, src.shape).with(dim, index.data[i]);
        data[at.reduce((offset, n, axis) => offset * x.shape[axis] + n, 0)] += value;
      });
      return { data, shape: x.shape };
    },
  }),
  select_rows: entry<{ rows: number[] }>({
    plan(draw, graph) {
      const x = graph.any(draw);
      const { shape } = graph.values[x];
      require(shape.length === 2);
      const left = Array.from({ length: shape[0] }, (_, i) => i);
      const rows = Array.from(
        { length: draw.int(shape[0] + 1) },
        () => left.splice(draw.int(left.length), 1)[0],
      );
      graph.step("select_rows", [x], { rows });
    },
    run: ([x], { rows }) => selectRows(x, rowTable(x.gpu, Int32Array.from(rows), x.shape[0])),
    reference([x], { rows }) {
      const shape = [rows.length, x.shape[1]];
      return { data: build(shape, ([i, j]) => element(x, [rows[i], j])), shape };
    },
  }),
  topk: entry<{ k: number; dim: number; largest: boolean }>({
    plan(draw, graph) {
      const [x, dim] = withAxis(draw, graph);
      collapse(graph.values[x], [dim], (vector) => {
        graph.apart(vector);
        return 0;
      });
      const k = draw.int(graph.values[x].shape[dim] + 1);
      graph.step("topk", [x], { k, dim, largest: draw.int(2) === 0 });
    },
    run: ([x], { k, ...options }) => topk(x, k, options).values,
    reference([x], { k, dim, largest }) {
      const shape = x.shape.with(dim, k);
      const data = new Float64Array(sizeOf(shape));
      const from = lanes(x.shape, [dim]);
      const sorted = from.starts.map((start) =>
        from.steps.map((step) => x.data[start + step]).sort((a, b) => (largest ? b - a : a - b)),
      );
      const targets = lanes(shape, [dim]);
      targets.starts.forEach((start, lane) => {
        targets.steps.forEach((step, i) => {
          data[start + step] = sorted[lane][i];
        });
      });
      return { data, shape };
    },
  }),
  argmax: entry<{ dim: number }>({
    plan(draw, graph) {
      const [x, dim] = withAxis(draw, graph);
      const value = graph.values[x];
      require(value.data.length > 0);
      collapse(value, [dim], (vector) => {
        graph.apart(vector);
        return 0;
      });
      const index = graph.step("argmax", [x], { dim });
      const hot = graph.step("one_hot", [index], { classes: value.shape[dim] + draw.int(2) });
      graph.step("mul", [hot, graph.like(draw, graph.values[hot].shape)]);
    },
    run: ([x], { dim }) => argmax(x, { dim }),
    reference([x], { dim }) {
      const data = collapse(x, [dim], (vector) => vector.indexOf(Math.max(...vector)));
      return { data, shape: x.shape.toSpliced(dim, 1), integer: true };
    },
  }),
  one_hot: entry<{ classes: number }>({
    plan(draw, graph) {
      const classes = draw.of([3, 4, 1, 9]);
      const index = graph.leaf(draw, "index", graph.shape(draw, draw.of([1, 2, 0])), Math.max(1, classes));
      const hot = graph.step("one_hot", [index], { classes });
      graph.step("add", [hot, graph.like(draw, graph.values[hot].shape)]);
    },
    run: ([index], { classes }) => oneHot(index, classes),
    reference([index], { classes }) {
      const shape = [...index.shape, classes];
      const data = build([index.data.length, classes], ([i, c]) => Number(index.data[i] === c));
      return { data, shape };
    },
  }),
  cross_entropy: entry<CrossEntropyOptions>({
    plan(draw, graph) {
      const x = graph.any(draw);
      const { shape } = graph.values[x];
      require(shape.length > 0 && shape[shape.length - 1] > 0);
      const classes = shape[shape.length - 1];
      const target = graph.leaf(draw, "index", shape.slice(0, -1), classes);
      const options = { labelSmoothing: draw.of([0, 0.125]), ignoreIndex: draw.of([-100, 0]) };
      graph.step("cross_entropy", [x, target], { ...options, reduction: drawReduction(draw) });
    },
    run: ([x, target], options) => crossEntropy(x, target, options),
    reference([x, target], { labelSmoothing = 0, ignoreIndex, reduction = "mean" }, read) {
      const classes = x.shape[x.shape.length - 1];
      let count = 0;
      const each = Array.from(target.data, (t, i) => {
        if (t === ignoreIndex) return 0;
        count++;
        const row = [...x.data.slice(i * classes, (i + 1) * classes)];
        return logSumExp(row, read) - (1 - labelSmoothing) * row[t] - (labelSmoothing * add(row)) / classes;
      });
      return losses(each, reduction, target.shape, count);
    },
  }),
  mse: entry<{ reduction: LossReduction }>({
    plan(draw, graph) {
      const x = graph.small(graph.any(draw));
      graph.step("mse", [x, graph.like(draw, graph.values[x].shape)], { reduction: drawReduction(draw) });
    },
    run: ([x, y], options) => mse(x, y, options),
    reference: ([x, y], { reduction }) =>
      losses(
        Array.from(x.data, (v, i) => (v - y.data[i]) ** 2),
        reduction,
        x.shape,
      ),
  }),
  bce_with_logits: entry<{ reduction: LossReduction }>({
    plan(draw, graph) {
      const x = graph.any(draw);
      const { shape } = graph.values[x];
      const inputs = [x, graph.leaf(draw, "unit", shape)];
      if (shape.length > 0 && draw.int(2) === 1) inputs.push(graph.leaf(draw, "unit", shape.slice(-1)));
      graph.step("bce_with_logits", inputs, { reduction: drawReduction(draw) });
    },
    run: ([x, target, posWeight], options) => bceWithLogits(x, target, { ...options, posWeight }),
    reference([x, target, weight], { reduction }) {
      const each = Array.from(x.data, (v, i) => {
        const [t, w] = [target.data[i], weight ? weight.data[i % weight.data.length] : 1];
        const soft = Math.log1p(Math.exp(-Math.abs(v)));
        return w * t * (soft + Math.max(-v, 0)) + (1 - t) * (soft + Math.max(v, 0));
      });
      return losses(each, reduction, x.shape);
    },
  }),
  infonce: entry<{ tau: number }>({
    plan(draw, graph) {
      const x = graph.small(graph.any(draw));
      const { shape } = graph.values[x];
      require(shape.length >= 2 && sizeOf(shape) > 0);
      graph.step("infonce", [x, graph.like(draw, shape)], { tau: draw.of([2, 4]) });
    },
    run: ([x, c], options) => infonce(x, c, options),
    reference([x, c], { tau }, read) {
      const [n, width] = x.shape.slice(-2);
      const each = Array.from({ length: sizeOf(x.shape.slice(0, -1)) }, (_, at) => {
        const clip = Math.floor(at / n);
        const row = Array.from({ length: n }, (__, j) => {
          let dot = 0;
          for (let k = 0; k < width; k++) dot += x.data[at * width + k] * c.data[(clip * n + j) * width + k];
          return dot / tau;
        });
        return logSumExp(row, read) - row[at % n];
      });
      return losses(each, "mean", []);
    },
  }),
};
