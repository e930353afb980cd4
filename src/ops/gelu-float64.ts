// GELU and its slope in float64 on the CPU, which checks of kernels compare with. The kernels' own is shaders/lib/gelu.wgsl.

/** Gauss's error function, by its series, or by what is left of 1 where that converges slowly. */
export function erf(x: number): number {
  const a = Math.abs(x);
  if (a > 6) return Math.sign(x);
  let term = a;
  let sum = a;
  for (let n = 1; n < 200 && Math.abs(term) > 1e-17 * sum; n++) {
    // e^{-x²}·Σ 2ⁿ x^{2n+1} / (2n+1)!!, whose terms are all positive
    term *= (2 * a * a) / (2 * n + 1);
    sum += term;
  }
  return (Math.sign(x) * 2 * Math.exp(-a * a) * sum) / Math.sqrt(Math.PI);
}

/** GELU by its definition, x·Φ(x). */
export const gelu = (x: number) => 0.5 * x * (1 + erf(x / Math.SQRT2));
/** Its derivative, Φ(x) + x·φ(x). */
export const geluSlope = (x: number) =>
  0.5 * (1 + erf(x / Math.SQRT2)) + (x * Math.exp(-0.5 * x * x)) / Math.sqrt(2 * Math.PI);
