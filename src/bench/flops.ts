// How many floating-point operations the larger cases are, by formula. A multiply-add is two. Only what every
// implementation must do is counted: nothing that is computed twice to save memory, and of a training step its matrix
// products alone (element-wise work, norms and the optimiser are below one in a hundred there, and bound by memory).

/** What the count of a training step depends on. */
export interface StepSizes {
  batch: number;
  /** Tokens T of a clip, and values P of a token. */
  tokens: number;
  values: number;
  /** Masked tokens M of a clip. */
  masked: number;
  width: number;
  layers: number;
  mlpRatio: number;
  /** Default joint: both heads and both losses. */
  objective?: "joint" | "infonce" | "reconstruct";
}

export interface StepFlops {
  forward: number;
  backward: number;
  total: number;
}

/**
 * One training step: encoder, heads and losses. With N = B·T tokens of width d, ratio r, L layers, M masked tokens a clip:
 *
 *     patch embedding   2·N·P·d
 *     a layer           2·N·d·(3d + d + 2·r·d)  for qkv, projection and MLP, and 4·N·T·d for q·kᵀ and weights·v
 *     a head            2·B·M·d·(d + P)
 *     InfoNCE           2·B·M²·P
 *
 * The gradient of a product is two products of its size, one for each operand. The patches need none: patch embedding and
 * InfoNCE (whose targets are patches) have one.
 */
export function stepFlops(sizes: StepSizes): StepFlops {
  const { batch, tokens, values, masked, width, layers, mlpRatio, objective = "joint" } = sizes;
  const all = batch * tokens;
  const embed = 2 * all * values * width;
  const layer = 2 * all * width * (4 + 2 * mlpRatio) * width + 4 * all * tokens * width;
  const head = 2 * batch * masked * width * (width + values);
  const heads = objective === "joint" ? 2 * head : head;
  const contrast = objective === "reconstruct" ? 0 : 2 * batch * masked * masked * values;
  const forward = embed + layers * layer + heads + contrast;
  const backward = embed + 2 * layers * layer + 2 * heads + contrast;
  return { forward, backward, total: forward + backward };
}

/**
 * A power spectrum of `frames` frames: window (N), a real FFT (2.5·N·log₂N, the usual count for one of length N) and squared
 * magnitudes (3 for each of N/2 + 1 bins).
 */
export function stftFlops(frames: number, nFft: number): number {
  return frames * (nFft + 2.5 * nFft * Math.log2(nFft) + 3 * (nFft / 2 + 1));
}

/** A log-mel: the power spectrum, triangular bands (every bin lies in two: 4 for each bin), and 2 for each band's logarithm. */
export function logMelFlops(frames: number, nFft: number, nMels: number): number {
  return stftFlops(frames, nFft) + frames * (4 * (nFft / 2 + 1) + 2 * nMels);
}

const matmulFamily = /^matmul\/(?!column_sums|sum_slices)/;

/**
 * Floating-point operations of one recorded dispatch, where its shader's name and parameters tell: matrix products (m, n, k,
 * batch) and attention (pairs of batch and head, tq, tk; 2 products forward, 3 for the queries' gradient, of which one
 * repeats the scores, and 4 for the keys' and values'). Undefined for all others.
 */
export function dispatchFlops(
  shader: string,
  params: Readonly<Record<string, number>> | undefined,
  defines: Readonly<Record<string, string>> = {},
): number | undefined {
  if (!params) return undefined;
  const { m, n, k, batch = 1, pairs, tq, tk } = params;
  if (matmulFamily.test(shader) && m && n && k) return 2 * m * n * k * batch;
  const dim = Number(defines.HEAD_DIM);
  if (shader.startsWith("attention/") && pairs && tq && tk && dim) {
    const products = /backward_key/.test(shader) ? 4 : /backward_query/.test(shader) ? 3 : 2;
    return 2 * products * pairs * tq * tk * dim;
  }
  return undefined;
}
