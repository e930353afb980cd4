// Initial values of parameters. Each function draws `size` numbers from a seeded generator.
import type { ParameterSpec } from "./parameters.js";

/** Draws `size` initial values with a seeded generator. */
export type Init = ParameterSpec["init"];

/** All 0, for biases. */
export const zeros: Init = (size) => new Float32Array(size);
/** All 1, for gains. */
export const ones: Init = (size) => new Float32Array(size).fill(1);

/** Normal with standard deviation `std`, cut off at two of them (as timm's vision transformers start). */
export function truncatedNormal(std: number): Init {
  return (size, random) => Float32Array.from({ length: size }, () => random.truncatedNormal(std));
}

/** Uniform in ±√(6/(fanIn + fanOut)) (Glorot and Bengio, 2010). */
export function xavierUniform(fanIn: number, fanOut: number): Init {
  const bound = Math.sqrt(6 / (fanIn + fanOut));
  return (size, random) => Float32Array.from({ length: size }, () => (2 * random.uniform() - 1) * bound);
}
