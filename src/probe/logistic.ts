// Logistic regression with an L2 penalty, as scikit-learn states it: C·Σ cross-entropy + ½‖w‖², biases not penalised. Softmax
// over classes, or one sigmoid a tag. L-BFGS, preconditioned by the Hessian at zero weights, which is known in closed form,
// so that a fit takes some ten steps. Features are expected standardised.
import { type Minimum, minimise } from "./lbfgs.js";
import { Cholesky, timesTransposed, transposedTimes } from "./matrix.js";

/** A linear head: scores = weight·x + bias. */
export interface LinearHead {
  /** Row-major [outputs, d]. */
  weight: Float64Array;
  /** [outputs]; −Infinity for a class that was never seen. */
  bias: Float64Array;
}

interface LogisticHead extends LinearHead {
  iterations: number;
  converged: boolean;
}

interface LogisticOptions {
  /** Inverse strength of the penalty. */
  C: number;
  /** Largest component of the gradient, per sample, of a finished fit. Default 1e-5. */
  tolerance?: number;
  maxIterations?: number;
}

/** The training rows of one fit, with what all values of C share. */
export class LogisticProblem {
  private readonly gram: Float64Array;
  readonly n: number;

  /**
   * @param x standardised rows [n, d]
   * @param targets 0 or 1, [n, outputs]: one-hot classes for softmax, tags for sigmoid
   */
  constructor(
    private readonly x: Float64Array,
    private readonly targets: Float64Array,
    private readonly d: number,
    private readonly outputs: number,
    private readonly link: "softmax" | "sigmoid",
  ) {
    this.n = x.length / d;
    this.gram = new Float64Array(d * d);
    transposedTimes(x, x, this.n, d, d, this.gram);
  }

  /** The minimiser. A tag that is always or never on, and a class that never occurs, get a constant instead. */
  fit({ C, tolerance = 1e-5, maxIterations = 5000 }: LogisticOptions): LogisticHead {
    const { n, d, outputs, link } = this;
    const rates = Float64Array.from({ length: outputs }, (_, k) => {
      let sum = 0;
      for (let i = 0; i < n; i++) sum += this.targets[i * outputs + k];
      return sum / n;
    });
    const members = [...rates.keys()].filter((k) => rates[k] > 0 && (link === "softmax" || rates[k] < 1));
    const count = members.length;
    const y = new Float64Array(n * count);
    for (let i = 0; i < n; i++)
      members.forEach((k, j) => {
        y[i * count + j] = this.targets[i * outputs + k];
      });

    const start = new Float64Array(count * (d + 1));
    const fitted: Pick<Minimum, "x" | "iterations" | "converged"> =
      link === "softmax" && count < 2
        ? { x: start, iterations: 0, converged: true }
        : minimise(this.objective(y, count, C), start, {
            tolerance,
            maxIterations,
            precondition: this.preconditioner(count, C),
          });
    const weight = new Float64Array(outputs * d);
    const never = link === "softmax" ? Number.NEGATIVE_INFINITY : -Math.log(2 * n + 1);
    const bias = rates.map((rate) => (rate > 0 ? -never : never));
    members.forEach((k, j) => {
      weight.set(fitted.x.subarray(j * d, (j + 1) * d), k * d);
      bias[k] = fitted.x[count * d + j];
    });
    return { weight, bias, iterations: fitted.iterations, converged: fitted.converged };
  }

  /** The objective divided by C·n, over weights [count, d] followed by biases [count]. */
  private objective(y: Float64Array, count: number, C: number) {
    const { x, n, d, link } = this;
    const scores = new Float64Array(n * count);
    const lossAndResidual = link === "softmax" ? softmaxLoss : sigmoidLoss;
    return (parameters: Float64Array, gradient: Float64Array): number => {
      const weight = parameters.subarray(0, count * d);
      const bias = parameters.subarray(count * d);
      timesTransposed(x, weight, d, scores);
      for (let i = 0; i < scores.length; i++) scores[i] += bias[i % count];
      const loss = lossAndResidual(scores, y, count) / n;
      transposedTimes(scores, x, n, count, d, gradient);
      gradient.fill(0, count * d);
      for (let i = 0; i < scores.length; i++) gradient[count * d + (i % count)] += scores[i];
      const decay = 1 / (C * n);
      let squares = 0;
      for (let i = 0; i < weight.length; i++) {
        gradient[i] = gradient[i] / n + decay * weight[i];
        squares += weight[i] * weight[i];
      }
      for (let i = count * d; i < gradient.length; i++) gradient[i] /= n;
      return loss + (decay * squares) / 2;
    };
  }

  /** Solves with the Hessian at zero weights, (c/n)·XᵀX + I/(C·n) for the weights of each output, c for the biases. */
  private preconditioner(count: number, C: number): (vector: Float64Array) => void {
    const { n, d, link } = this;
    const c = link === "softmax" ? 1 / count : 0.25;
    const matrix = this.gram.map((value) => (c * value) / n);
    for (let j = 0; j < d; j++) matrix[j * d + j] += 1 / (C * n);
    const factor = new Cholesky(matrix, d);
    return (vector) => {
      factor.solve(vector, 0, count);
      for (let i = count * d; i < vector.length; i++) vector[i] /= c;
    };
  }
}

/** scores [n, outputs] of standardised rows [n, d]. */
export function linearScores(head: LinearHead, x: Float64Array, d: number): Float64Array {
  const outputs = head.bias.length;
  const scores = new Float64Array((x.length / d) * outputs);
  timesTransposed(x, head.weight, d, scores);
  for (let i = 0; i < scores.length; i++) scores[i] += head.bias[i % outputs];
  return scores;
}

/** Softmax of each row of [n, classes], in place. */
export function softmaxRows(scores: Float64Array, classes: number): Float64Array {
  for (let at = 0; at < scores.length; at += classes) {
    let most = Number.NEGATIVE_INFINITY;
    for (let k = 0; k < classes; k++) most = Math.max(most, scores[at + k]);
    let sum = 0;
    for (let k = 0; k < classes; k++) sum += scores[at + k] = Math.exp(scores[at + k] - most);
    for (let k = 0; k < classes; k++) scores[at + k] /= sum;
  }
  return scores;
}

/** One-hot rows [n, classes]. */
export function oneHot(labels: ArrayLike<number>, classes: number): Float64Array {
  const out = new Float64Array(labels.length * classes);
  for (let i = 0; i < labels.length; i++) out[i * classes + labels[i]] = 1;
  return out;
}

/** Σ cross-entropy; replaces the scores by probability − target. */
function softmaxLoss(scores: Float64Array, y: Float64Array, count: number): number {
  let loss = 0;
  for (let at = 0; at < scores.length; at += count) {
    let most = Number.NEGATIVE_INFINITY;
    for (let k = 0; k < count; k++) most = Math.max(most, scores[at + k]);
    let [sum, target] = [0, 0];
    for (let k = 0; k < count; k++) {
      target += y[at + k] * (scores[at + k] - most);
      sum += scores[at + k] = Math.exp(scores[at + k] - most);
    }
    loss += Math.log(sum) - target;
    for (let k = 0; k < count; k++) scores[at + k] = scores[at + k] / sum - y[at + k];
  }
  return loss;
}

/** Σ log(1 + e^s) − y·s; replaces the scores by probability − target. */
function sigmoidLoss(scores: Float64Array, y: Float64Array): number {
  let loss = 0;
  for (let i = 0; i < scores.length; i++) {
    const s = scores[i];
    const e = Math.exp(-Math.abs(s));
    loss += Math.max(s, 0) + Math.log1p(e) - y[i] * s;
    scores[i] = (s >= 0 ? 1 : e) / (1 + e) - y[i];
  }
  return loss;
}
