// What a check of a kernel is: small inputs from a seed with what must come out, worked out in float64 by the formula and not by
// the kernel's way. A check drives the very kernel that the work asks for, with its defines, and chooses parameters of its own.
// Not here: running checks (run.ts), the checks of each family (the other files), what follows from a wrong one (ops/alternatives).
import type { Groups } from "../gpu/commands.js";
import type { Defines } from "../gpu/preprocess.js";
import type { Random } from "../tensor/random.js";

/** A kernel as some work asks for it: what the work's first dispatch of it looks like. */
export interface KernelUse {
  shader: string;
  key: string;
  defines: Defines;
  params: Readonly<Record<string, number>>;
}

export type Numbers = Float32Array | Int32Array | Uint32Array;

/** A buffer that is bound: what it holds at the start, and what it must hold at the end where that is looked at. */
export interface Bound {
  start: Numbers;
  /** NaN for what may hold anything. */
  expected?: ArrayLike<number>;
  /** |got − expected| ≤ tolerance·(1 + |expected|). Integers are compared exactly. */
  tolerance?: number;
  /** The words are pairs of float16. */
  half?: boolean;
}

export interface Trial {
  params: Readonly<Record<string, number>>;
  groups: Groups;
  /** In the order of the bindings. */
  bound: Bound[];
}

/** Trials of a kernel with these defines. May look at the parameters of the use, to stay near the work's sizes. */
export type KernelCheck = (use: KernelUse, random: Random) => Trial[];

/** By shader. */
export type CheckTable = Readonly<Record<string, KernelCheck>>;

export function input(start: Numbers): Bound {
  return { start };
}

/** A result in f32, which starts as NaN so that what is not written shows. */
export function output(expected: ArrayLike<number>, tolerance = 1e-4): Bound {
  return { start: new Float32Array(expected.length).fill(Number.NaN), expected, tolerance };
}

/** A result that starts from numbers. */
export function changed(start: Numbers, expected: ArrayLike<number>, tolerance = 1e-4): Bound {
  return { start, expected, tolerance };
}

/** A result in integers. */
export function whole(expected: readonly number[], unsigned = false): Bound {
  const start = unsigned ? new Uint32Array(expected.length) : new Int32Array(expected.length);
  return { start: start.fill(0x55555555), expected };
}

/** A define as a number: "64u" is 64, true is 1, what is absent 0. */
export function define(use: Pick<KernelUse, "defines">, name: string): number {
  const value = use.defines[name];
  if (typeof value === "boolean") return Number(value);
  return typeof value === "number" ? value : Number.parseFloat(value ?? "0");
}

export function normals(random: Random, size: number, scale = 1): Float32Array {
  return Float32Array.from({ length: size }, () => scale * random.normal());
}

/** Uniform in [low, high). */
export function uniforms(random: Random, size: number, low: number, high: number): Float32Array {
  return Float32Array.from({ length: size }, () => low + (high - low) * random.uniform());
}

export function integers(random: Random, size: number, below: number): Int32Array {
  return Int32Array.from({ length: size }, () => random.integer(below));
}

/** Workgroups for `count` invocations. */
export function groupsFor(count: number, width = 64): Groups {
  return [Math.max(1, Math.ceil(count / width))];
}

/** Σ f(i) for i below `count`. */
export function total(count: number, f: (i: number) => number): number {
  let sum = 0;
  for (let i = 0; i < count; i++) sum += f(i);
  return sum;
}

export function build(size: number, f: (i: number) => number): Float64Array {
  return Float64Array.from({ length: size }, (_, i) => f(i));
}
