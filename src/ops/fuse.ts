// Chains of element-by-element operations as one kernel: `fuse((x, y) => x.mul(2).add(y).gelu())` is a function of tensors that
// reads each of them once and writes the result, and whose gradient is one kernel too. The chain is traced once, with Expr in
// place of tensors. Nothing is kept between forward and backward but the inputs: the gradient computes the steps again.
//
// Why not every chain by itself, by putting operations off until their memory is asked for: then every place that overwrites
// memory or gives it back would have to know who still waits for its old content, and what runs when would depend on who looks.
import { ShapeError } from "../gpu/errors.js";
import type { Tensor } from "../tensor/tensor.js";
import { type BinaryName, binaryRows } from "./binary.js";
import { sumTo } from "./broadcast.js";
import { defineOp, result } from "./define.js";
import { type Elementwise, runElementwise } from "./elementwise.js";
import { numbersOf, type UnaryName, unaryRows } from "./unary.js";

/** One step of a chain: WGSL in the arguments' names and numbers c0, c1, …; gradients also in `y` (its value) and `g`. */
interface Step {
  names: readonly string[];
  arguments: readonly Expr[];
  numbers: readonly number[];
  forward: string;
  gradients: readonly (string | undefined)[];
}

/** A number fixed when the chain was traced, or a value in it. */
export type Operand = Expr | number;

/** What a fused function computes with: an element, with the methods of a tensor that go element by element. */
export class Expr {
  /** @internal */
  constructor(
    /** @internal */
    readonly from: Step | { input: number },
  ) {}

  /** This + other. */
  add(other: Operand): Expr {
    return typeof other === "number" ? this.shift(other) : this.with("add", other);
  }
  /** This − other. */
  sub(other: Operand): Expr {
    return typeof other === "number" ? this.shift(-other) : this.with("sub", other);
  }
  /** This · other. */
  mul(other: Operand): Expr {
    return typeof other === "number" ? this.scale(other) : this.with("mul", other);
  }
  /** This / other. */
  div(other: Operand): Expr {
    return typeof other === "number" ? this.scale(1 / other) : this.with("div", other);
  }
  /** This to a power; a negative base needs a whole number. */
  pow(exponent: Operand): Expr {
    return typeof exponent === "number" ? this.apply("pow_scalar", exponent) : this.with("pow", exponent);
  }
  /** The larger of both. */
  maximum(other: Expr): Expr {
    return this.with("maximum", other);
  }
  /** The smaller of both. */
  minimum(other: Expr): Expr {
    return this.with("minimum", other);
  }
  /** −x. */
  neg(): Expr {
    return this.apply("neg");
  }
  /** |x|; the gradient at 0 is 0. */
  abs(): Expr {
    return this.apply("abs");
  }
  /** eˣ. */
  exp(): Expr {
    return this.apply("exp");
  }
  /** ln x; NaN below 0. */
  log(): Expr {
    return this.apply("log");
  }
  /** √x; NaN below 0. */
  sqrt(): Expr {
    return this.apply("sqrt");
  }
  /** 1/√x. */
  rsqrt(): Expr {
    return this.apply("rsqrt");
  }
  /** 1/x. */
  reciprocal(): Expr {
    return this.apply("reciprocal");
  }
  /** x². */
  square(): Expr {
    return this.apply("square");
  }
  /** max(x, 0). */
  relu(): Expr {
    return this.apply("relu");
  }
  /** 1/(1 + e⁻ˣ). */
  sigmoid(): Expr {
    return this.apply("sigmoid");
  }
  /** tanh x. */
  tanh(): Expr {
    return this.apply("tanh");
  }
  /** x·sigmoid(x). */
  silu(): Expr {
    return this.apply("silu");
  }
  /** Exact by default; `approximate: "tanh"` for the tanh form. */
  gelu(options: { approximate?: "none" | "tanh" } = {}): Expr {
    return this.apply(options.approximate === "tanh" ? "gelu_tanh" : "gelu");
  }
  /** x limited to [min, max]; the gradient passes inside. */
  clamp(min: number, max: number): Expr {
    return this.apply("clamp", min, max);
  }
  /** This where `condition` (f32 or i32) is not zero, else `other`. The condition gets no gradient. */
  where(condition: Expr, other: Expr): Expr {
    return new Expr({
      names: ["c", "a", "b"],
      arguments: [condition, this, other],
      numbers: [],
      forward: `select(b, a, ${holds})`,
      gradients: [undefined, `select(vec4(0.0), g, ${holds})`, `select(g, vec4(0.0), ${holds})`],
    });
  }

  private shift(by: number): Expr {
    return this.step("x + c0", "g", [by]);
  }

  private scale(by: number): Expr {
    return this.step("x * c0", "g * c0", [by]);
  }

  private apply(name: UnaryName, a = 0, b = 0): Expr {
    const { forward, backward } = unaryRows[name];
    return this.step(forward, backward, numbersOf(forward + backward, { a, b }));
  }

  private step(forward: string, gradient: string, numbers: readonly number[]): Expr {
    return new Expr({ names: ["x"], arguments: [this], numbers, forward, gradients: [gradient] });
  }

  private with(name: BinaryName, other: Expr): Expr {
    const { forward, left, right } = binaryRows[name];
    return new Expr({
      names: ["a", "b"],
      arguments: [this, other],
      numbers: [],
      forward,
      gradients: [left, right],
    });
  }
}

/** Of an f32, by bits; an i32 comes as 0 or 1 (ElementwiseOptions.conditions). */
const holds = "(bitcast<vec4<u32>>(c) & vec4(0x7fffffffu)) != vec4(0u)";

/** Parameters of elementwise/program beside those of its grid. */
const mostNumbers = 14;

/** A program with the numbers and the inputs that it uses; `upstream` stands for the gradient of the result. */
interface Compiled {
  program: Elementwise;
  numbers: number[];
  operands: (number | "upstream")[];
}

/** Writes statements for steps as their values are asked for. */
class Writer {
  readonly numbers: number[] = [];
  readonly operands: (number | "upstream")[] = [];
  private readonly statements: string[] = [];
  private readonly values = new Map<Expr, string>();
  private readonly places = new Map<Step, number[]>();

  /** The variable of an input. */
  operand(which: number | "upstream"): string {
    let at = this.operands.indexOf(which);
    if (at < 0) at = this.operands.push(which) - 1;
    return `x${at}`;
  }

  /** The variable that holds a value. */
  value(expr: Expr): string {
    const { from } = expr;
    if ("input" in from) return this.operand(from.input);
    const known = this.values.get(expr);
    if (known) return known;
    const written = this.let(this.text(from, from.forward, {}));
    this.values.set(expr, written);
    return written;
  }

  let(expression: string): string {
    const name = `t${this.statements.length}`;
    this.statements.push(`let ${name} = ${expression};`);
    return name;
  }

  /** A step's formula with variables for its names. */
  text(step: Step, formula: string, others: Readonly<Record<string, () => string>>): string {
    return formula.replace(/\b[a-z]\d?\b/g, (word) => {
      const at = step.names.indexOf(word);
      if (at >= 0) return this.value(step.arguments[at]);
      if (others[word]) return others[word]();
      const number = /^c(\d)$/.exec(word);
      return number ? `c${this.number(step, Number(number[1]))}` : word;
    });
  }

  finish(results: readonly string[]): Compiled {
    const { numbers, operands } = this;
    if (numbers.length > mostNumbers) {
      throw new ShapeError(
        `A fused chain holds at most ${mostNumbers} numbers, not ${numbers.length}: cut it in two.`,
      );
    }
    return { program: { body: this.statements.join(" "), results }, numbers, operands };
  }

  /** The place of a step's number among the program's. Equal numbers of other steps stay apart: kernels are shared by structure. */
  private number(step: Step, which: number): number {
    const places = this.places.get(step) ?? [];
    this.places.set(step, places);
    places[which] ??= this.numbers.push(step.numbers[which]) - 1;
    return places[which];
  }
}

/** A traced chain, compiled on demand. */
class Chain {
  readonly forward: Compiled;
  private readonly order: Expr[] = [];
  private readonly gradients = new Map<string, Compiled>();

  constructor(
    readonly root: Expr,
    readonly inputs: readonly Expr[],
  ) {
    const writer = new Writer();
    this.forward = writer.finish([writer.value(root)]);
    const seen = new Set<Expr>();
    const visit = (expr: Expr) => {
      if (seen.has(expr)) return;
      seen.add(expr);
      if (!("input" in expr.from)) expr.from.arguments.forEach(visit);
      this.order.push(expr);
    };
    visit(root);
    const unused = inputs.findIndex((input) => !seen.has(input));
    if (unused >= 0) throw new ShapeError(`fuse: parameter ${unused + 1} is not used.`);
  }

  /** Throws where an i32 tensor is more than a condition: its bits are not those of its numbers in f32. */
  refuseIntegers(tensors: readonly Tensor[]): void {
    const used = this.order.flatMap(({ from }) =>
      "input" in from ? [] : from.names[0] === "c" ? from.arguments.slice(1) : from.arguments,
    );
    tensors.forEach(({ dtype }, i) => {
      if (dtype !== "i32" || !(used.includes(this.inputs[i]) || this.root === this.inputs[i])) return;
      throw new ShapeError(`fuse: parameter ${i + 1} is i32, which can only be a condition: cast it to f32.`);
    });
  }

  /** The program of the gradients of some inputs, in that order. */
  backward(wanted: readonly number[]): Compiled {
    const key = wanted.join();
    let compiled = this.gradients.get(key);
    if (!compiled) {
      compiled = this.differentiate(wanted);
      this.gradients.set(key, compiled);
    }
    return compiled;
  }

  /** Whether the gradient of an input is that of the result as it is. */
  passes(input: number): boolean {
    const { program, operands } = this.backward([input]);
    return program.body === "" && operands.length === 1 && program.results[0] === "x0";
  }

  private differentiate(wanted: readonly number[]): Compiled {
    const writer = new Writer();
    const leads = new Set<Expr>(wanted.map((i) => this.inputs[i]));
    for (const expr of this.order) {
      if (!("input" in expr.from) && expr.from.arguments.some((x) => leads.has(x))) leads.add(expr);
    }
    const sums = new Map<Expr, string>([[this.root, writer.operand("upstream")]]);
    for (const expr of [...this.order].reverse()) {
      const { from } = expr;
      const g = sums.get(expr);
      if ("input" in from || g === undefined || !leads.has(expr)) continue;
      from.gradients.forEach((formula, i) => {
        const target = from.arguments[i];
        if (formula === undefined || !leads.has(target)) return;
        const part = writer.text(from, formula, { g: () => g, y: () => writer.value(expr) });
        const before = sums.get(target);
        const sum = before === undefined ? part : `${before} + ${part}`;
        sums.set(target, /^\w+$/.test(sum) ? sum : writer.let(sum));
      });
    }
    return writer.finish(wanted.map((i) => sums.get(this.inputs[i]) ?? "vec4(0.0)"));
  }
}

const fusedOp = defineOp<{ chain: Chain }>({
  name: "fused",
  integers: true,
  doc: "A chain of element-by-element operations in one kernel, with NumPy broadcasting of its inputs",
  forward(inputs, { chain }) {
    const { forward } = chain;
    const operands = forward.operands.map((i) => inputs[i as number]);
    chain.refuseIntegers(inputs);
    return result(
      runElementwise(forward.program, operands, { numbers: forward.numbers, conditions: true })[0],
    );
  },
  backward({ grad, inputs, needs, options: { chain } }) {
    const gradients: (Tensor | undefined)[] = inputs.map(() => undefined);
    const most = grad.gpu.device.capabilities.maxStorageBindings;
    const wanted: number[] = [];
    needs.forEach((need, i) => {
      if (!need) return;
      if (chain.passes(i)) gradients[i] = sumTo(grad, inputs[i].shape);
      else wanted.push(i);
    });
    while (wanted.length > 0) {
      // As many at once as can be bound beside what they read.
      let count = wanted.length;
      while (count > 1 && chain.backward(wanted.slice(0, count)).operands.length + count > most) count--;
      const part = wanted.splice(0, count);
      const { program, numbers, operands } = chain.backward(part);
      const read = operands.map((i) => (i === "upstream" ? grad : inputs[i]));
      const made = runElementwise(program, read, { numbers, shape: grad.shape, conditions: true });
      part.forEach((i, k) => {
        gradients[i] = sumTo(made[k], inputs[i].shape);
      });
    }
    return gradients;
  },
});

/**
 * A function of tensors that computes `chain` in one kernel, and its gradient in one more (before sums over axes that were
 * repeated). Inputs broadcast as in NumPy. `chain` is called once, here, with as many Expr as it has parameters; numbers in it
 * stay what they are now, so pass what changes as a tensor. Chains of equal steps share their kernels. The inputs must be f32, but
 * for conditions; at most seven are used (or one less than the adapter binds).
 */
export function fuse<Inputs extends Expr[]>(
  chain: (...inputs: Inputs) => Expr,
): (...inputs: { [K in keyof Inputs]: Tensor }) => Tensor {
  const count = chain.length;
  if (count === 0) throw new ShapeError("fuse: the function needs named parameters, one for each tensor.");
  const inputs = Array.from({ length: count }, (_, input) => new Expr({ input }));
  const traced = new Chain(chain(...(inputs as Inputs)), inputs);
  return (...tensors) => {
    if (tensors.length !== count) {
      throw new ShapeError(`A fused function of ${count} tensors was given ${tensors.length}.`);
    }
    return fusedOp(tensors, { chain: traced });
  };
}
