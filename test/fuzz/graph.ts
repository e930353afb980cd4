// Graphs of operations for the fuzzing of the engine: a list of nodes, each a leaf or an operation on nodes before it, as plain JSON,
// and their values in float64. A builder makes one out of a list of whole numbers, so that fast-check can draw it and make it
// smaller. What the operations are is in graph-ops.ts; the comparison with a device is in graph-check.ts.
import { hash32 } from "../../src/ops/dropout.js";
import { Random } from "../../src/tensor/random.js";
import { sizeOf } from "../../src/tensor/shape.js";
import type { Values as Plain } from "../ops/case.js";
import { graphOps } from "./graph-ops.js";

/** A node's value; integers are indices and conditions. */
export interface Values extends Plain {
  integer?: boolean;
}

export interface Leaf {
  leaf: "normal" | "positive" | "fixed" | "unit" | "index";
  shape: number[];
  seed: number;
  /** Indices are below this. */
  below?: number;
}

export interface Step {
  op: string;
  inputs: number[];
  options: unknown;
}

export type Node = Leaf | Step;
export type Graph = readonly Node[];

/** Leaves that a gradient is asked for. */
export function isMoved(node: Node): node is Leaf {
  return "leaf" in node && (node.leaf === "normal" || node.leaf === "positive");
}

/** The values of a leaf, rounded to float32. */
export function leafValues({ leaf, shape, seed, below = 2 }: Leaf): Values {
  const random = new Random(seed);
  const one = () => {
    if (leaf === "index") return random.integer(Math.max(1, below));
    if (leaf === "positive") return 0.5 + 1.5 * random.uniform();
    return leaf === "unit" ? random.uniform() : random.normal();
  };
  const data = Float64Array.from({ length: sizeOf(shape) }, () => Math.fround(one()));
  return { data, shape, integer: leaf === "index" };
}

/** Relative changes of every value that an operation reads, the same ones for the same seed. */
export interface Noise {
  seed: number;
  size: number;
}

function changed(value: Values, node: number, input: number, { seed, size }: Noise): Values {
  if (value.integer) return value;
  const key = hash32(seed * 7919 + node * 131 + input);
  const data = value.data.map((x, i) => x * (1 + size * (hash32(key ^ i) / 2 ** 31 - 1)));
  return { ...value, data };
}

/** Changes what is read within an operation, where terms of its formula cancel. */
function changer(node: number, { seed, size }: Noise): (x: number) => number {
  const key = hash32(seed * 7919 + node * 131 + 127);
  let read = 0;
  return (x) => x * (1 + size * (hash32(key ^ read++) / 2 ** 31 - 1));
}

/** The value of one operation. */
export function stepValues(step: Step, values: readonly Values[], at: number, noise?: Noise): Values {
  const inputs = step.inputs.map((i, k) => (noise ? changed(values[i], at, k, noise) : values[i]));
  return graphOps[step.op].reference(inputs, step.options as never, noise ? changer(at, noise) : (x) => x);
}

/** Every node's value. `moved` replaces leaves. */
export function evaluate(
  graph: Graph,
  { leaves, noise }: { leaves?: ReadonlyMap<number, Values>; noise?: Noise } = {},
): Values[] {
  const values: Values[] = [];
  graph.forEach((node, at) => {
    values.push("leaf" in node ? (leaves?.get(at) ?? leafValues(node)) : stepValues(node, values, at, noise));
  });
  return values;
}

/** Whole numbers that choices are made by; 0 once there are no more. */
export class Draw {
  private at = 0;

  constructor(private readonly numbers: readonly number[]) {}

  int(count: number): number {
    const number = this.at < this.numbers.length ? this.numbers[this.at++] : 0;
    return number % count;
  }

  of<T>(list: readonly T[]): T {
    return list[this.int(list.length)];
  }
}

const lengths = [3, 1, 2, 4, 5, 8, 0, 7, 12, 16, 3, 4, 2, 5];
/** Elements of a value at most. */
const largest = 400;
/** Values beyond this are not gone on with. */
const range = 1000;

export class Builder {
  readonly nodes: Node[] = [];
  readonly values: Values[] = [];

  leaf(draw: Draw, leaf: Leaf["leaf"], shape: readonly number[], below?: number): number {
    const node: Leaf = { leaf, shape: [...shape], seed: draw.int(2 ** 20), ...(below ? { below } : {}) };
    this.values.push(leafValues(node));
    return this.nodes.push(node) - 1;
  }

  /** Adds an operation; throws where its value is none to go on with. */
  step(op: string, inputs: number[], options: unknown = {}): number {
    const node: Step = { op, inputs, options };
    const value = stepValues(node, this.values, this.nodes.length);
    if (sizeOf(value.shape) > largest * 4 || value.data.some((x) => !(Math.abs(x) <= range))) throw unfit;
    this.values.push(value);
    return this.nodes.push(node) - 1;
  }

  shape(draw: Draw, rank = draw.of([2, 1, 3, 2, 4, 0])): number[] {
    const shape: number[] = [];
    for (let i = 0; i < rank; i++) {
      const length = draw.of(lengths);
      shape.push(sizeOf(shape) * length > largest ? 2 : length);
    }
    return shape;
  }

  /** A float node: often the last one, else any, or a new leaf. */
  any(draw: Draw): number {
    const floats = this.nodes.flatMap((_, i) => (this.values[i].integer ? [] : [i]));
    const choice = draw.int(6);
    if (floats.length === 0 || choice === 5) return this.leaf(draw, "normal", this.shape(draw));
    return choice < 4 ? floats[floats.length - 1] : draw.of(floats);
  }

  /** A float node of exactly this shape. */
  like(draw: Draw, shape: readonly number[], leaf: "normal" | "positive" = "normal"): number {
    const same = this.nodes.flatMap((node, i) => {
      const value = this.values[i];
      const fixed = "leaf" in node && !isMoved(node);
      return !value.integer && !fixed && String(value.shape) === String(shape) ? [i] : [];
    });
    return same.length === 0 || leaf === "positive" || draw.int(3) === 0
      ? this.leaf(draw, leaf, shape)
      : draw.of(same);
  }

  /** Values in [0.3, 1.8], through further operations where they are not positive already. */
  positive(at: number): number {
    const { data } = this.values[at];
    if (data.every((x) => x > 0.2 && x < 20)) return at;
    return this.step("affine", [this.step("sigmoid", [this.small(at)])], { a: 1.5, b: 0.3 });
  }

  /** Values of at most 3. */
  small(at: number): number {
    const { data } = this.values[at];
    if (data.every((x) => Math.abs(x) <= 3)) return at;
    const most = data.reduce((top, x) => Math.max(top, Math.abs(x)), 0);
    return this.step("affine", [at], { a: Math.fround(3 / most), b: 0 });
  }

  /** Gives up where values are closer together than rounding and a step of the differences may tell apart. */
  apart(values: Iterable<number>): void {
    const sorted = Float64Array.from(values).sort();
    for (let i = 1; i < sorted.length; i++) if (sorted[i] - sorted[i - 1] < 2e-3) throw unfit;
  }
}

/** Thrown where an operation does not fit what there is. */
export const unfit = new Error("does not fit");

/** One step as it is drawn. */
export interface Drawn {
  op: number;
  numbers: readonly number[];
}

/** The graph of some drawn steps; steps that do not fit are left out. */
export function buildGraph(drawn: readonly Drawn[], only?: readonly string[]): Graph {
  const names = only ?? Object.keys(graphOps);
  const builder = new Builder();
  for (const { op, numbers } of drawn) {
    const before = builder.nodes.length;
    try {
      graphOps[names[op % names.length]].plan(new Draw(numbers), builder);
    } catch (error) {
      if (error !== unfit) throw error;
      builder.nodes.length = before;
      builder.values.length = before;
    }
  }
  return pruned(builder.nodes);
}

/** The last node and what it depends on. */
export function pruned(nodes: Graph): Graph {
  const used = new Set<number>();
  for (let i = nodes.length - 1; i >= 0; i--) {
    const node = nodes[i];
    if (used.size === 0 && "leaf" in node) continue;
    if (used.size === 0) used.add(i);
    if (used.has(i) && !("leaf" in node)) for (const input of node.inputs) used.add(input);
  }
  const kept = [...used].sort((a, b) => a - b);
  return kept.map((i) => {
    const node = nodes[i];
    return "leaf" in node ? node : { ...node, inputs: node.inputs.map((input) => kept.indexOf(input)) };
  });
}
