// L-BFGS in float64: minimises a smooth function by two-loop recursion (Nocedal, 1980) with a line search for the weak Wolfe
// conditions by bisection (Lewis and Overton, 2013). On the CPU, for the few thousand numbers of a probe's head.

/** Writes the gradient at x and returns the value. */
export type Objective = (x: Float64Array, gradient: Float64Array) => number;

interface MinimiseOptions {
  /** Done when the largest component of the gradient is at most this. */
  tolerance: number;
  maxIterations?: number;
  /** Pairs of steps that are remembered. */
  memory?: number;
  /** Multiplies a vector in place by an approximate inverse of the Hessian. */
  precondition?: (vector: Float64Array) => void;
}

/** Where the function is the least, as far as was looked. */
export interface Minimum {
  x: Float64Array;
  value: number;
  iterations: number;
  converged: boolean;
}

/** Minimises from `start`, which is left as it is. */
export function minimise(objective: Objective, start: Float64Array, options: MinimiseOptions): Minimum {
  const { tolerance, maxIterations = 1000, memory = 10, precondition } = options;
  const n = start.length;
  let x = start.slice();
  let gradient = new Float64Array(n);
  let value = objective(x, gradient);
  const pairs: { step: Float64Array; change: Float64Array; rho: number }[] = [];
  let nextX = new Float64Array(n);
  let nextGradient = new Float64Array(n);
  for (let iteration = 0; ; iteration++) {
    if (largest(gradient) <= tolerance) return { x, value, iterations: iteration, converged: true };
    if (iteration === maxIterations) return { x, value, iterations: iteration, converged: false };

    const direction = descent(gradient, pairs, precondition);
    const slope = dot(gradient, direction);
    let [low, high] = [0, Number.POSITIVE_INFINITY];
    let t = pairs.length === 0 && !precondition ? Math.min(1, 1 / Math.sqrt(dot(gradient, gradient))) : 1;
    let nextValue = Number.NaN;
    for (let tries = 0; tries < 60; tries++) {
      for (let i = 0; i < n; i++) nextX[i] = x[i] + t * direction[i];
      nextValue = objective(nextX, nextGradient);
      // Near the minimum values agree to the last bits; then the slope alone decides.
      const fell = nextValue <= value + 1e-4 * t * slope + 1e-14 * Math.abs(value);
      if (!fell) high = t;
      else if (dot(nextGradient, direction) < 0.9 * slope) low = t;
      else break;
      t = high < Number.POSITIVE_INFINITY ? (low + high) / 2 : 2 * low;
    }
    // No progress is left in float64.
    if (!(nextValue <= value + 1e-14 * Math.abs(value)))
      return { x, value, iterations: iteration, converged: false };

    const step = new Float64Array(n);
    const change = new Float64Array(n);
    for (let i = 0; i < n; i++) {
      step[i] = nextX[i] - x[i];
      change[i] = nextGradient[i] - gradient[i];
    }
    const curvature = dot(step, change);
    if (curvature > 0) pairs.push({ step, change, rho: 1 / curvature });
    if (pairs.length > memory) pairs.shift();
    [x, nextX] = [nextX, x];
    [gradient, nextGradient] = [nextGradient, gradient];
    value = nextValue;
  }
}

function descent(
  gradient: Float64Array,
  pairs: readonly { step: Float64Array; change: Float64Array; rho: number }[],
  precondition: ((vector: Float64Array) => void) | undefined,
): Float64Array {
  const q = gradient.map((value) => -value);
  const alphas = new Float64Array(pairs.length);
  for (let k = pairs.length - 1; k >= 0; k--) {
    const { step, change, rho } = pairs[k];
    alphas[k] = rho * dot(step, q);
    addScaled(q, change, -alphas[k]);
  }
  const last = pairs.at(-1);
  const scaled = last?.change.slice();
  precondition?.(q);
  if (last && scaled) {
    precondition?.(scaled);
    const scale = 1 / (last.rho * dot(last.change, scaled));
    for (let i = 0; i < q.length; i++) q[i] *= scale;
  }
  for (let k = 0; k < pairs.length; k++) {
    const { step, change, rho } = pairs[k];
    addScaled(q, step, alphas[k] - rho * dot(change, q));
  }
  return q;
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}

function addScaled(target: Float64Array, values: Float64Array, by: number): void {
  for (let i = 0; i < target.length; i++) target[i] += by * values[i];
}

function largest(values: Float64Array): number {
  let most = 0;
  for (const value of values) {
    if (Number.isNaN(value)) return Number.NaN;
    most = Math.max(most, Math.abs(value));
  }
  return most;
}
