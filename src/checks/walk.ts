// Walks of a grid by strides, for the checks of kernels that read or write along one: small lengths and strides that keep the order of
// those that the work has.
import type { KernelUse } from "./check.js";

/** Invocations side by side in the walk. */
export const span = 128;

/** Lengths of a walk, the innermost first: those of the work, cut to a few. Whole vec4s stay whole, and others stay odd. */
export function lengthsOf({ params }: KernelUse, rank: number, most: readonly number[]): number[] {
  return Array.from({ length: rank }, (_, k) => Math.max(1, Math.min(params[`n${k}`], most[k] ?? 2)));
}

/** Strides in the order of those that were asked for, without gaps; 0 stays 0. */
export function compact(lengths: readonly number[], strides: readonly number[]): number[] {
  const order = lengths.map((_, k) => k).filter((k) => strides[k] > 0);
  order.sort((a, b) => strides[a] - strides[b]);
  const own = lengths.map(() => 0);
  let next = 1;
  for (const k of order) {
    own[k] = next;
    next *= lengths[k];
  }
  return own;
}

/** Where element i of a walk stands. */
export function place(i: number, lengths: readonly number[], strides: readonly number[]): number {
  let rest = i;
  let at = 0;
  lengths.forEach((n, k) => {
    const step = k === lengths.length - 1 ? rest : rest % n;
    at += step * strides[k];
    rest = Math.floor(rest / n);
  });
  return at;
}

export const product = (values: readonly number[]) => values.reduce((a, b) => a * b, 1);
export const axesOf = (rank: number, name: string, params: Readonly<Record<string, number>>) =>
  Array.from({ length: rank }, (_, k) => params[`${name}${k}`]);
export const named = (name: string, values: readonly number[]) =>
  Object.fromEntries(values.map((value, k) => [`${name}${k}`, value]));
