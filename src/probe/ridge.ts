// Ridge regression: ‖y − Xw − b‖² + α‖w‖², the bias not penalised, solved exactly. Features are expected standardised.
import type { LinearHead } from "./logistic.js";
import { Cholesky, transposedTimes } from "./matrix.js";

/** The training rows of one fit, with what all values of α share. */
export class RidgeProblem {
  private readonly gram: Float64Array;
  private readonly moments: Float64Array;
  private readonly means: Float64Array;

  /** x: standardised rows [n, d], each column with mean zero. targets: [n, outputs]. */
  constructor(
    x: Float64Array,
    targets: Float64Array,
    private readonly d: number,
    private readonly outputs: number,
  ) {
    const n = x.length / d;
    this.gram = new Float64Array(d * d);
    transposedTimes(x, x, n, d, d, this.gram);
    this.means = new Float64Array(outputs);
    for (let i = 0; i < targets.length; i++) this.means[i % outputs] += targets[i] / n;
    const centred = targets.map((value, i) => value - this.means[i % outputs]);
    this.moments = new Float64Array(outputs * d);
    transposedTimes(centred, x, n, outputs, d, this.moments);
  }

  fit(alpha: number): LinearHead {
    const { d, outputs } = this;
    const matrix = this.gram.slice();
    for (let j = 0; j < d; j++) matrix[j * d + j] += alpha;
    const weight = this.moments.slice();
    new Cholesky(matrix, d).solve(weight, 0, outputs);
    return { weight, bias: this.means.slice() };
  }
}
