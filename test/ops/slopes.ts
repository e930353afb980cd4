// Slopes of a float64 reference, by central differences, beside which a computed gradient is put: along one direction that moves
// every element of an input at once, so that each of them counts, and along a few single elements, which say where a fault
// is. They depend on the row and its draws alone and are computed when first asked for, once for all devices.
import type { Random } from "../../src/tensor/random.js";
import type { OpCase, Values } from "./case.js";

const differenceStep = 1e-5;
/** Single elements of each input that are moved alone; all of them where there are fewer. */
const alone = 6;
/** Directions through all elements that are tried, each with a finer step, before kinks count as a fault. */
const attempts = 4;
/** Errors of single elements that are far within their tolerance leave this much of it along all of them; measured 0.003 at most. */
const share = 0.1;

/** Elements of one input and how far each moves for a step of 1. */
interface Direction {
  at: ArrayLike<number>;
  by: Float64Array;
  step: number;
  /** Slopes by step, as they are computed. */
  known: Map<number, number>;
}

export class Slopes {
  private readonly singles = new Map<number, Direction[]>();
  private readonly whole = new Map<number, Direction[]>();

  constructor(
    private readonly row: OpCase,
    private readonly values: readonly Values[],
    private readonly cotangent: ArrayLike<number>,
    private readonly random: Random,
  ) {}

  /** What is wrong with a gradient of an input, as text. */
  check(input: number, ours: Float32Array): string[] {
    const size = this.values[input].data.length;
    if (ours.length !== size) return [`gradient ${input} has ${ours.length} elements, not ${size}`];
    const hole = ours.findIndex((value) => !Number.isFinite(value));
    if (hole >= 0) return [`gradient ${input}[${hole}] is ${ours[hole]}`];
    const problems = [...this.checkSingles(input, ours)];
    if (size > alone) problems.push(...this.checkWhole(input, ours));
    return problems;
  }

  private checkSingles(input: number, ours: Float32Array): string[] {
    const { gradientAtol: atol = 1e-4, gradientRtol: rtol = 1e-4 } = this.row;
    const singles = this.directions(this.singles, input, () => this.drawSingles(input));
    const problems: string[] = [];
    let kinks = 0;
    for (const direction of singles) {
      const at = direction.at[0];
      const expected = this.slope(input, direction, direction.step);
      if (within(ours[at], expected, atol, rtol)) continue;
      // Where the slope depends on the step there is a kink (relu at 0) within the step, and no gradient to compare.
      const finer = this.slope(input, direction, direction.step / 7);
      if (!within(finer, expected, atol / 4, rtol / 4)) kinks++;
      else problems.push(`gradient ${input}[${at}] is ${ours[at]}, not ${expected}`);
    }
    if (kinks > 1) problems.push(`gradient ${input}: ${kinks} of ${singles.length} slopes are kinks`);
    return problems.slice(0, 3);
  }

  /**
   * Along all elements, moved by numbers of random sign: the errors that single elements may have add up as a random walk,
   * so the tolerance is a share of one element's times the length of the direction, weighed by the gradient for the relative part.
   */
  private checkWhole(input: number, ours: Float32Array): string[] {
    const { gradientAtol: atol = 1e-4, gradientRtol: rtol = 1e-4 } = this.row;
    for (const direction of this.directions(this.whole, input, () => this.drawWhole(input))) {
      const { by, step } = direction;
      let got = 0;
      let length = 0;
      let weighed = 0;
      for (let i = 0; i < by.length; i++) {
        got += by[i] * ours[i];
        length += by[i] ** 2;
        weighed += (by[i] * ours[i]) ** 2;
      }
      const tolerance = share * (atol * Math.sqrt(length) + rtol * Math.sqrt(weighed));
      const expected = this.slope(input, direction, step);
      if (Math.abs(got - expected) <= tolerance) return [];
      const finer = this.slope(input, direction, step / 7);
      if (Math.abs(finer - expected) <= tolerance / 4) {
        return [
          `gradient ${input} along a direction through all elements is ${got}, not ${expected} ± ${tolerance}`,
        ];
      }
    }
    return [`gradient ${input}: every direction meets a kink`];
  }

  /** The slope of Σ output · cotangent. */
  private slope(input: number, direction: Direction, step: number): number {
    const known = direction.known.get(step);
    if (known !== undefined) return known;
    const sides = [step, -step].map((delta) => {
      const { data, shape } = this.values[input];
      const moved = Float64Array.from(data);
      for (let i = 0; i < direction.by.length; i++) moved[direction.at[i]] += delta * direction.by[i];
      const result = this.row.reference(
        this.values.map((value, k) => (k === input ? { data: moved, shape } : value)),
      );
      let total = 0;
      for (let i = 0; i < result.length; i++) total += result[i] * this.cotangent[i];
      return total;
    });
    const slope = (sides[0] - sides[1]) / (2 * step);
    direction.known.set(step, slope);
    return slope;
  }

  private directions(
    kept: Map<number, Direction[]>,
    input: number,
    draw: () => Direction[],
  ): readonly Direction[] {
    let directions = kept.get(input);
    if (!directions) {
      directions = draw();
      kept.set(input, directions);
    }
    return directions;
  }

  private drawSingles(input: number): Direction[] {
    const { data } = this.values[input];
    const chosen = this.random.permutation(data.length).subarray(0, alone);
    return Array.from(chosen, (at) => ({
      at: [at],
      by: Float64Array.of(1),
      step: differenceStep * Math.max(1, Math.abs(data[at])),
      known: new Map(),
    }));
  }

  private drawWhole(input: number): Direction[] {
    const { data } = this.values[input];
    const at = Int32Array.from(data, (_, i) => i);
    return Array.from({ length: attempts }, (_, attempt) => ({
      at,
      by: Float64Array.from(data, () => (0.5 + this.random.uniform()) * (this.random.integer(2) * 2 - 1)),
      step: differenceStep / 8 ** attempt,
      known: new Map(),
    }));
  }
}

/** False for a NaN on either side. */
export function within(got: number, expected: number, atol: number, rtol: number): boolean {
  return got === expected || Math.abs(got - expected) <= atol + rtol * Math.abs(expected);
}
