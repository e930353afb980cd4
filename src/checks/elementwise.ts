// Checks of what computes element by element: programs, sums in place, casts, fills, dropout and noise.
import type { Random } from "../tensor/random.js";
import {
  build,
  type CheckTable,
  changed,
  define,
  groupsFor,
  input,
  type KernelUse,
  type Numbers,
  normals,
  output,
  type Trial,
  total,
  uniforms,
  whole,
} from "./check.js";
import { bitsOf, compile, compileBody, type Names } from "./expression.js";
import { axesOf, compact, lengthsOf, named, place, product, span } from "./walk.js";

/** elementwise/program: every element in float64, by the expressions that the kernel is built with. */
function program(use: KernelUse, random: Random): Trial[] {
  const { defines, params } = use;
  const [inputs, outputs] = [define(use, "INPUTS"), define(use, "OUTPUTS")];
  const bits = String(defines.OUT0).includes("u32");
  const walks = define(use, "WALKS");
  const rank = walks ? define(use, "RANK") : 0;
  const quad = define(use, "QUAD") === 1;
  // Many more than a workgroup's 64 · 4, so that the walk goes on; odd where vec4s allow it.
  const lengths = walks ? lengthsOf(use, rank, quad ? [6, 11, 3, 5] : [33, 7, 6, 3]) : [1201];
  const size = product(lengths) * (quad ? 4 : 1);
  const count = Math.ceil(size / 4);
  // The work's own numbers, but for small ones (an ε, one over a count), which would hide an error in what they are multiplied with.
  const numbers = Object.entries(params).flatMap(([name, value]): [string, number][] =>
    /^c\d+$/.test(name)
      ? [[name, value !== 0 && Math.abs(value) < 0.1 ? 0.3 * Math.sign(value) : value]]
      : [],
  );

  const steps: Record<string, number> = {};
  let walk = 0;
  const operands = Array.from({ length: inputs }, (_, k) => {
    const load = String(defines[`LOAD${k}`]);
    if (load === `in${k}[i]`) return { at: (i: number) => i, size };
    if (load.startsWith("one")) return { at: () => 0, size: 1 };
    const j = walk++;
    const asked = axesOf(rank, `s${j}_`, params);
    const vector = quad && String(defines[`TYPE${k}`]).startsWith("vec4");
    // A vec4 of the innermost axis counts as one there and in all strides.
    const own = compact(lengths, asked);
    own.forEach((stride, axis) => {
      steps[`s${j}_${axis}`] = stride;
    });
    const used = 1 + total(rank, (axis) => (lengths[axis] - 1) * own[axis]);
    const at = (i: number) => {
      const index = place(quad ? Math.floor(i / 4) : i, lengths, own);
      return vector ? 4 * index + (i % 4) : index;
    };
    return { at, size: vector ? 4 * used : used };
  });

  // Formulas have their poles and kinks: most values stay near 1, some are 0 where the formula looks at bits.
  const text = [defines.BODY, ...Array.from({ length: outputs }, (_, k) => defines[`RESULT${k}`])].join(" ");
  const positive = /\b(log|sqrt|inverseSqrt|pow|power4)\(/.test(text);
  const values = operands.map(({ size: length }): Numbers => {
    if (bits) return Uint32Array.from({ length }, () => (random.integer(3) === 0 ? 0 : random.word()));
    if (positive) return uniforms(random, length, 0.5, 2);
    const dented = /bitcast/.test(text) ? 0.4 : 0;
    return Float32Array.from({ length }, () => {
      const value = random.normal();
      return random.uniform() < dented ? 0 : Math.sign(value) * (0.2 + Math.abs(value));
    });
  });
  const body = compileBody(String(defines.BODY));
  const results = Array.from({ length: outputs }, (_, k) => compile(String(defines[`RESULT${k}`])));
  const expected = results.map(() => new Float64Array(size));
  for (let i = 0; i < size; i++) {
    const names: Names = Object.fromEntries(numbers);
    operands.forEach(({ at }, k) => {
      names[`x${k}`] = values[k][at(i)];
    });
    body(names);
    results.forEach((result, k) => {
      expected[k][i] = result(names);
    });
  }
  return [
    {
      params: { count, span, ...Object.fromEntries(numbers), ...named("n", walks ? lengths : []), ...steps },
      groups: groupsFor(count, span),
      bound: [
        ...values.map(input),
        ...expected.map((wanted) => (bits ? whole([...wanted], true) : output(wanted))),
      ],
    },
  ];
}

/** A kernel over a run of vec4s that makes one result of one element. */
function over(size: number, bound: Trial["bound"], params: Record<string, number> = {}): Trial[] {
  const count = Math.ceil(size / 4);
  return [{ params: { count, span, ...params }, groups: groupsFor(count, span), bound }];
}

function accumulate(_: KernelUse, random: Random): Trial[] {
  const [a, b] = [normals(random, 1001), normals(random, 1001)];
  return over(1001, [
    input(a),
    changed(
      b,
      build(1001, (i) => a[i] + b[i]),
    ),
  ]);
}

function cast(use: KernelUse, random: Random): Trial[] {
  const size = 1004;
  // As whole vec4s; f16 goes in and out as pairs of half words.
  const values = Float32Array.from(
    { length: size },
    () => (random.integer(2049) - 1024) / (use.defines.TO === "i32" ? 1 : 32),
  );
  const pack = (type: unknown): Numbers => {
    if (type === "i32") return Int32Array.from(values, Math.trunc);
    return type === "f16" ? halves(values) : values;
  };
  const [from, to] = [pack(use.defines.FROM), pack(use.defines.TO)];
  const exact = use.defines.FROM === "i32" ? Float32Array.from(values, Math.trunc) : values;
  const wanted =
    use.defines.TO === "f16"
      ? halves(exact)
      : use.defines.TO === "i32"
        ? Int32Array.from(exact, Math.trunc)
        : exact;
  const start = to instanceof Float32Array ? output(wanted) : whole([...wanted], to instanceof Uint32Array);
  return over(size, [input(from), start]);
}

/** Two float16 a word. The numbers must be multiples of 1/32 below 32, or whole and below 2048, which are exact. */
function halves(values: Float32Array): Uint32Array {
  const half = (x: number) => {
    if (x === 0) return 0;
    const exponent = Math.floor(Math.log2(Math.abs(x)));
    const mantissa = Math.round((Math.abs(x) / 2 ** exponent - 1) * 1024);
    return (x < 0 ? 0x8000 : 0) | ((exponent + 15) << 10) | mantissa;
  };
  return Uint32Array.from({ length: values.length / 2 }, (_, i) => {
    return (half(values[2 * i]) | (half(values[2 * i + 1]) << 16)) >>> 0;
  });
}

function fill(_: KernelUse, random: Random): Trial[] {
  const bits = random.word();
  return over(
    1001,
    [
      whole(
        Array.from({ length: 1001 }, () => bits),
        true,
      ),
    ],
    { bits },
  );
}

/** The hash of shaders/lib/hash: exact in integers. */
export function hash(value: number): number {
  let x = value >>> 0;
  x = Math.imul(x ^ (x >>> 16), 0x7feb352d) >>> 0;
  x = Math.imul(x ^ (x >>> 15), 0x846ca68b) >>> 0;
  return (x ^ (x >>> 16)) >>> 0;
}

function dropout(use: KernelUse, random: Random): Trial[] {
  const size = 1001;
  const seeded = define(use, "SEEDED");
  const x = normals(random, size);
  const [key, threshold, scale] = [random.word(), Math.floor(0.3 * 2 ** 32), 1.5];
  const mask = Uint32Array.from({ length: size }, () => (random.integer(2) ? bitsOf(1) : 0));
  const first = seeded === 0 ? 0 : 4096;
  const kept = (i: number) => (seeded === 0 ? mask[i] !== 0 : hash(hash(first + i) ^ key) >>> 0 >= threshold);
  const bound = [input(x), output(build(size, (i) => (kept(i) ? scale * x[i] : 0)))];
  if (seeded === 0) bound.push(input(mask));
  if (seeded === 2) bound.push(input(Uint32Array.of(key)));
  return over(size, bound, { scale, threshold, first, key });
}

function gumbel(_: KernelUse, random: Random): Trial[] {
  const [key, first] = [random.word(), 4096];
  const wanted = build(1001, (i) => {
    const u = ((hash(hash(first + i) ^ key) >>> 9) + 0.5) / 8388608;
    return -Math.log(-Math.log(u));
  });
  // float32 rounds u to 24 bits, which -log(u) near u = 1 makes more of.
  return over(1001, [input(Uint32Array.of(key)), output(wanted, 1e-3)], { first });
}

export const elementwiseChecks: CheckTable = {
  "elementwise/program": program,
  "elementwise/accumulate": accumulate,
  "elementwise/cast": cast,
  "elementwise/fill": fill,
  "elementwise/dropout": dropout,
  "elementwise/gumbel": gumbel,
};
