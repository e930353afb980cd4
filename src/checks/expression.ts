// Expressions of the elementwise programs and of reductions, which kernels are built with, worked out in float64: enough of WGSL for
// what src/ops writes, one element at a time, so that vectors are numbers. Truth is 1 or 0. What it does not know is refused.
import { ShaderError } from "../gpu/errors.js";
import { erf, gelu } from "../ops/gelu-float64.js";

/** Values by name; a number's own dots are part of it: "p.scale". */
export type Names = Record<string, number>;

type Node = (names: Names) => number;

const word = new Uint32Array(1);
const float = new Float32Array(word.buffer);

/** The bits of a float32. */
export function bitsOf(x: number): number {
  float[0] = x;
  return word[0];
}

function floatOf(bits: number): number {
  word[0] = bits;
  return float[0];
}

const tanhShare = (x: number) => 0.5 * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)));
export const geluTanh = (x: number) => x * tanhShare(x);
export const geluTanhSlope = (x: number) => {
  const s = tanhShare(x);
  return s + 2 * x * s * (1 - s) * Math.sqrt(2 / Math.PI) * (1 + 3 * 0.044715 * x * x);
};

const same = (x: number) => x;
const functions: Record<string, (...values: number[]) => number> = {
  vec4: same,
  f32: same,
  u32: same,
  i32: same,
  ITEM: same,
  RESULT: same,
  abs: Math.abs,
  sign: Math.sign,
  exp: Math.exp,
  exp2: (x) => 2 ** x,
  log: Math.log,
  log2: Math.log2,
  sqrt: Math.sqrt,
  inverseSqrt: (x) => 1 / Math.sqrt(x),
  max: Math.max,
  min: Math.min,
  clamp: (x, low, high) => Math.min(Math.max(x, low), high),
  tanh: Math.tanh,
  sin: Math.sin,
  cos: Math.cos,
  floor: Math.floor,
  ceil: Math.ceil,
  pow: (x, y) => x ** y,
  power4: (x, y) => x ** y,
  erf4: erf,
  gelu4: gelu,
  or_nan: (x, y) => (Number.isNaN(x) ? x : y),
  is_special: (x) => Number(!Number.isFinite(x)),
  fma: (x, y, z) => x * y + z,
  select: (no, yes, condition) => (condition ? yes : no),
};

/** From the weakest binding to the strongest. */
const levels: Record<string, (a: number, b: number) => number>[] = [
  { "||": (a, b) => Number(a !== 0 || b !== 0) },
  { "&&": (a, b) => Number(a !== 0 && b !== 0) },
  { "|": (a, b) => (a | b) >>> 0 },
  { "^": (a, b) => (a ^ b) >>> 0 },
  { "&": (a, b) => (a & b) >>> 0 },
  { "==": (a, b) => Number(a === b), "!=": (a, b) => Number(a !== b) },
  {
    "<": (a, b) => Number(a < b),
    ">": (a, b) => Number(a > b),
    "<=": (a, b) => Number(a <= b),
    ">=": (a, b) => Number(a >= b),
  },
  { "+": (a, b) => a + b, "-": (a, b) => a - b },
  { "*": (a, b) => a * b, "/": (a, b) => a / b, "%": (a, b) => a % b },
];

const token =
  /\s*(0x[\da-f]+u?|\d+(?:\.\d*)?(?:e[-+]?\d+)?[uf]?|\.\d+|[a-z_][\w.]*|&&|\|\||[=!<>]=|[-+*/%<>&|^!(),])/iy;

class Parser {
  private readonly tokens: string[] = [];
  private at = 0;

  constructor(private readonly text: string) {
    // The types of vec4<f32>(…) and bitcast<vec4<u32>>(…): only a bitcast's says something.
    const plain = text
      .replace(/bitcast<(?:vec\d<)?([uif])32>?>/g, "bitcast_$1")
      .replace(/\bvec\d<\w+>/g, "vec4");
    token.lastIndex = 0;
    while (token.lastIndex < plain.trimEnd().length) {
      const found = token.exec(plain);
      if (!found) throw this.refuse();
      this.tokens.push(found[1]);
    }
  }

  whole(): Node {
    const node = this.binary(0);
    if (this.at < this.tokens.length) throw this.refuse();
    return node;
  }

  private refuse(): ShaderError {
    return new ShaderError(`The expression '${this.text}' cannot be worked out for a check.`);
  }

  private binary(level: number): Node {
    if (level === levels.length) return this.unary();
    let left = this.binary(level + 1);
    for (;;) {
      const operation = levels[level][this.tokens[this.at]];
      if (!operation) return left;
      this.at++;
      const [a, b] = [left, this.binary(level + 1)];
      left = (names) => operation(a(names), b(names));
    }
  }

  private unary(): Node {
    const next = this.tokens[this.at++];
    if (next === undefined) throw this.refuse();
    if (next === "-" || next === "!") {
      const of = this.unary();
      return next === "-" ? (names) => -of(names) : (names) => Number(of(names) === 0);
    }
    if (next === "(") {
      const inner = this.binary(0);
      if (this.tokens[this.at++] !== ")") throw this.refuse();
      return inner;
    }
    if (/^[\d.]/.test(next)) {
      const value = Number(/^0x/i.test(next) ? next.replace(/u$/, "") : next.replace(/[uf]$/, ""));
      return () => value;
    }
    if (this.tokens[this.at] === "(") return this.call(next);
    return (names) => {
      const value = names[next];
      if (value === undefined) throw this.refuse();
      return value;
    };
  }

  private call(name: string): Node {
    const values: Node[] = [];
    do {
      this.at++;
      values.push(this.binary(0));
    } while (this.tokens[this.at] === ",");
    if (this.tokens[this.at++] !== ")") throw this.refuse();
    const [first] = values;
    if (name === "bitcast_u" || name === "bitcast_i") return (names) => bitsOf(first(names));
    if (name === "bitcast_f") return (names) => floatOf(first(names));
    const f = functions[name];
    if (!f) throw this.refuse();
    return (names) => f(...values.map((value) => value(names)));
  }
}

/** A function of the names that an expression uses. Throws ShaderError for what it cannot read. */
export function compile(expression: string): Node {
  return new Parser(expression).whole();
}

/** Runs `let` statements over the names, adding theirs. */
export function compileBody(body: string): (names: Names) => void {
  const steps = body
    .split(";")
    .map((text) => /^\s*let\s+(\w+)\s*=\s*(.+)$/.exec(text))
    .filter((found) => found !== null)
    .map(([, name, expression]) => ({ name, value: compile(expression) }));
  return (names) => {
    for (const { name, value } of steps) names[name] = value(names);
  };
}
