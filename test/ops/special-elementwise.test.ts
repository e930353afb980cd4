// Elementwise operations and softmax over NaN, infinities and zeros of either sign, beside PyTorch's answers, which the functions below
// spell out: a NaN among the operands gives NaN, and infinities what the formula gives in IEEE 754's arithmetic. Different from
// PyTorch, and written down in docs/engine.md: pow(1, NaN) is NaN, and of GELU and SiLU at −∞ only that they are not finite is promised.
// Reductions stand in special-values.test.ts.
import { describe, expect, it } from "vitest";
import { backward } from "../../src/ops/autograd.js";
import { type BinaryName, binary } from "../../src/ops/binary.js";
import { crossEntropy } from "../../src/ops/cross-entropy.js";
import { type Expr, fuse } from "../../src/ops/fuse.js";
import { logSoftmax, softmax } from "../../src/ops/softmax.js";
import { type UnaryName, type UnaryOptions, unary } from "../../src/ops/unary.js";
import type { Gpu } from "../../src/tensor/gpu.js";
import type { Tensor } from "../../src/tensor/tensor.js";
import { useLess } from "../support/adapters.js";
import { useGpu } from "../support/gpu.js";

const { NaN: nan, POSITIVE_INFINITY: inf } = Number;
const values = [nan, inf, -inf, 0, -0, 1, -1, 2.5, -2.5, 1e4, -1e4, 0.1];
/** JavaScript's Math.pow is C's but for pow(±1, ±∞), which PyTorch has as 1. */
const power = (a: number, b: number) => (Math.abs(a) === 1 && Math.abs(b) === inf ? 1 : a ** b);
const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));
const tanhGelu = (x: number) => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)));
/** Φ to float32's precision at the values above. */
const normal = (x: number) => {
  const known: Record<number, number> = { 0: 0.5, 1: 0.8413447460685429, 2.5: 0.9937903346742238 };
  const upper = known[Math.abs(x)] ?? (Math.abs(x) === 0.1 ? 0.539827837277029 : 1);
  return x < 0 ? 1 - upper : upper;
};

interface Row {
  f(x: number): number;
  options?: UnaryOptions;
  /** What it says of itself is for x > 0 or x ≥ 0; NaN for negative x all the same. */
  label?: string;
}

const rows: Record<UnaryName, Row | Row[]> = {
  neg: { f: (x) => -x },
  abs: { f: Math.abs },
  exp: { f: Math.exp },
  log: { f: Math.log },
  sqrt: { f: Math.sqrt },
  rsqrt: { f: (x) => 1 / Math.sqrt(x) },
  reciprocal: { f: (x) => 1 / x },
  square: { f: (x) => x * x },
  relu: { f: (x) => Math.max(x, 0) },
  sigmoid: { f: sigmoid },
  tanh: { f: Math.tanh },
  silu: { f: (x) => x / (1 + Math.exp(-x)) },
  gelu: { f: (x) => x * normal(x) },
  gelu_tanh: { f: tanhGelu },
  affine: { f: (x) => -1.5 * x + 0.25, options: { a: -1.5, b: 0.25 } },
  clamp: [
    { f: (x) => Math.min(Math.max(x, -0.7), 0.4), options: { a: -0.7, b: 0.4 } },
    { f: (x) => Math.max(x, 0.5), options: { a: 0.5, b: inf }, label: "from below alone" },
  ],
  pow_scalar: [
    { f: () => 1, options: { a: 0 }, label: "0" },
    { f: (x) => x * x, options: { a: 2 }, label: "2" },
    { f: (x) => x ** 3, options: { a: 3 }, label: "3" },
    { f: (x) => (x < 0 ? nan : x ** 0.5), options: { a: 0.5 }, label: "½" },
  ],
};

/** Not finite is all that is promised. */
const loose = (name: string, x: number) => x === -inf && /^(gelu|gelu_tanh|silu)$/.test(name);
/** Left out: a negative number to no whole power. */
const undefinedPower = (name: string, x: number, { a = 0 }: UnaryOptions = {}) =>
  name === "pow_scalar" && x < 0 && !Number.isInteger(a);

const pairs: Record<BinaryName, (a: number, b: number) => number> = {
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: (a, b) => a * b,
  div: (a, b) => a / b,
  maximum: Math.max,
  minimum: Math.min,
  pow: (a, b) => (Number.isNaN(b) ? nan : power(a, b)),
};

/** Equal to rounding; zeros of either sign are one. */
const near = (got: number, want: number) =>
  Object.is(got, want) || got === want || Math.abs(got - want) <= 1e-5 * Math.abs(want) + 1e-7;

const grid = values.flatMap((a) => values.map((b) => [a, b] as const));

const devices: [string, () => () => Gpu][] = [
  ["the adapter", () => useGpu()],
  ["the kernels of hardware", () => useLess({ options: { software: false } })],
];

describe.each(devices)("on %s", (_, use) => {
  const gpu = use();

  it.each(Object.keys(rows) as UnaryName[])("%s", async (name) => {
    for (const { f, options = {} } of [rows[name]].flat()) {
      const x = gpu().tensor(values);
      const got = await unary[name]([x], options).data();
      values.forEach((value, i) => {
        if (undefinedPower(name, value, options)) return;
        const right = loose(name, value) ? !Number.isFinite(got[i]) : near(got[i], Math.fround(f(value)));
        expect(right ? "" : `${name}(${value}) is ${got[i]}, not ${f(value)}`).toBe("");
      });
    }
  });

  it.each(Object.keys(pairs) as BinaryName[])("%s", async (name) => {
    const [a, b] = [0, 1].map((side) =>
      gpu().tensor(values, side === 0 ? [values.length, 1] : [1, values.length]),
    );
    const got = await binary[name]([a, b]).data();
    grid.forEach(([left, right], i) => {
      // aᵇ is for a > 0.
      if (name === "pow" && !(left > 0 || Number.isNaN(left))) return;
      // As written: b·log a, where one is 0 and the other infinite, has no value.
      if (name === "pow" && ((right === 0 && !(left < inf)) || (left === 1 && Math.abs(right) === inf)))
        return;
      const want = Math.fround(pairs[name](left, right));
      const text = `${name}(${left}, ${right}) is ${got[i]}, not ${want}`;
      expect(near(got[i], want) ? "" : text).toBe("");
    });
  });

  it("chains that are fused", async () => {
    const chains: [string, (x: Expr) => Expr, (x: number) => number][] = [
      ["relu", (x) => x.relu().add(1), (x) => Math.max(x, 0) + 1],
      ["tanh", (x) => x.tanh().mul(2), (x) => 2 * Math.tanh(x)],
    ];
    for (const [name, chain, f] of chains) {
      const got = await fuse(chain)(gpu().tensor(values)).data();
      values.forEach((value, i) => {
        expect(near(got[i], Math.fround(f(value))) ? "" : `${name}(${value}) is ${got[i]}`).toBe("");
      });
    }
  });

  it.each([0, 1])("softmax and its logarithm along axis %i", async (dim) => {
    const lines: [number[], number[]][] = [
      [
        [0, -inf, 0, -inf],
        [0.5, 0, 0.5, 0],
      ],
      [
        [1e4, 0, -1e4, 0],
        [1, 0, 0, 0],
      ],
    ];
    const turn = (rows: number[][]) => (dim === 1 ? rows : rows[0].map((_, k) => rows.map((row) => row[k])));
    const x = gpu().tensor(turn(lines.map(([row]) => row)));
    const want = turn(lines.map(([, row]) => row)).flat();
    const shares = await softmax(x, { dim }).data();
    want.forEach((value, i) => {
      expect(near(shares[i], value) ? "" : `softmax[${i}] is ${shares[i]}, not ${value}`).toBe("");
    });
    const logs = await logSoftmax(x, { dim }).data();
    want.forEach((value, i) => {
      // Where the share is 0 to rounding the logarithm is very small, or −∞ where the element is.
      const right = value === 0 ? logs[i] < -9e3 : near(logs[i], Math.fround(Math.log(value)));
      expect(right ? "" : `log_softmax[${i}] is ${logs[i]}, not ${Math.log(value)}`).toBe("");
    });
  });

  it.each([
    [1, 6],
    [1, 8],
    [1, 301],
    [0, 5],
    [0, 8],
  ])(
    "softmax, its logarithm and their gradients over NaN and infinities, along axis %i of %i lines",
    async (dim, width) => {
      // Each of these at the place 3 of a line of numbers; the last two fill the line.
      const specials = [nan, inf, -inf, 7, "−∞ alone", "NaN alone"] as const;
      const lines = specials.map((special) =>
        Array.from({ length: width }, (_, i) => {
          if (typeof special === "string") return special === "NaN alone" ? nan : -inf;
          return i === 3 ? special : Math.sin(i);
        }),
      );
      const turn = (rows: number[][]) =>
        dim === 1 ? rows : rows[0].map((_, k) => rows.map((row) => row[k]));
      const shares = lines.map((line) => {
        const top = line.reduce((a, b) => Math.max(a, b));
        const parts = line.map((x) => Math.exp(x - top));
        const sum = parts.reduce((a, b) => a + b);
        return parts.map((part) => part / sum);
      });
      const ups = lines.map((line) => line.map((_, i) => Math.cos(i)));
      const dot = (a: number[], b: number[]) => a.reduce((sum, x, i) => sum + x * b[i], 0);
      const one = ups[0].map(() => 1);
      const wanted = {
        softmax: [shares, shares.map((y, k) => y.map((v, i) => v * (ups[k][i] - dot(y, ups[k]))))],
        logSoftmax: [
          shares.map((y) => y.map(Math.log)),
          shares.map((y, k) => y.map((v, i) => ups[k][i] - v * dot(one, ups[k]))),
        ],
      };
      for (const [name, op] of Object.entries({ softmax, logSoftmax })) {
        const x = gpu().tensor(turn(lines)).withGrad();
        const y = op(x, { dim });
        backward(y, gpu().tensor(turn(ups)));
        const got = [await y.data(), await (x.grad as Tensor).data()];
        wanted[name as keyof typeof wanted].forEach((rows, part) => {
          turn(rows)
            .flat()
            .forEach((want, i) => {
              const text = `${name}${part ? "'s gradient" : ""}[${i}] is ${got[part][i]}, not ${want}`;
              expect(near(got[part][i], Math.fround(want)) ? "" : text).toBe("");
            });
        });
      }
    },
  );

  it.each([6, 8, 301])("cross entropy over NaN and infinities, of %i classes", async (classes) => {
    const specials = [nan, inf, -inf, 7];
    const line = (special: number) =>
      Array.from({ length: classes }, (_, i) => (i === 3 ? special : Math.sin(i)));
    const x = gpu().tensor(specials.map(line)).withGrad();
    const losses = crossEntropy(x, gpu().tensor(Int32Array.of(1, 1, 1, 1)), { reduction: "none" });
    losses.sum().backward();
    const [got, slopes] = [await losses.data(), await (x.grad as Tensor).data()];
    specials.forEach((special, row) => {
      const logits = line(special);
      const sum = logits.reduce((all, v) => all + Math.exp(v), 0);
      const bad = !(sum < inf);
      const want = bad ? nan : Math.log(sum) - logits[1];
      expect(near(got[row], Math.fround(want)) ? "" : `loss ${row} is ${got[row]}, not ${want}`).toBe("");
      logits.forEach((v, i) => {
        const slope = bad ? nan : Math.exp(v) / sum - (i === 1 ? 1 : 0);
        const at = slopes[row * classes + i];
        expect(near(at, Math.fround(slope)) ? "" : `slope ${row}, ${i} is ${at}, not ${slope}`).toBe("");
      });
    });
  });
});
