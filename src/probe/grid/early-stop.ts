// When the training of a head ends, and when its learning rate falls: counting evaluations on the validation part. Pure.
import type { HeadSchedule } from "./grids.js";

/** Follows the validation scores of one run; higher is better. */
export class EarlyStop {
  /** The best score so far, and the evaluation that it came from, counted from 0. */
  best = Number.NEGATIVE_INFINITY;
  bestAt = -1;
  evaluations = 0;
  /** Factor of the learning rate. */
  rate = 1;
  /** A score was not a number: the run diverged and has ended. */
  diverged = false;
  private bored = 0;
  private reference = Number.NEGATIVE_INFINITY;
  private flat = 0;

  constructor(private readonly schedule: HeadSchedule) {}

  get finished(): boolean {
    const { patience, most = Number.POSITIVE_INFINITY } = this.schedule;
    return this.diverged || this.bored >= patience || this.evaluations >= most;
  }

  /** Takes the next score. True where it is the best yet, so that the weights are to be kept. */
  take(score: number): boolean {
    const at = this.evaluations++;
    if (Number.isNaN(score)) {
      this.diverged = true;
      return false;
    }
    this.plateau(score);
    if (score > this.best) {
      this.best = score;
      this.bestAt = at;
      this.bored = 0;
      return true;
    }
    this.bored++;
    return false;
  }

  /** Better means better by a ten-thousandth of the score, as in PyTorch's ReduceLROnPlateau. */
  private plateau(score: number): void {
    const { plateau } = this.schedule;
    if (!plateau) return;
    const clear =
      this.reference === Number.NEGATIVE_INFINITY || score > this.reference + 1e-4 * Math.abs(this.reference);
    if (clear) {
      this.reference = score;
      this.flat = 0;
      return;
    }
    if (++this.flat > plateau.patience) {
      this.rate *= plateau.factor;
      this.flat = 0;
    }
  }
}
