// What a row of the op table is. The rows stand in *.cases.ts, one file a family; op-table.test.ts runs them.
import type { Tensor } from "../../src/tensor/tensor.js";

/** How an input is drawn. */
export interface InputSpec {
  shape: readonly number[];
  /**
   * normal (default): standard normal; positive: uniform in [0.5, 2]; unit: uniform in [0, 1]; index: integers in
   * [0, below), as an i32 tensor; distinct: a random permutation of well-separated values (for max, topk, sort);
   * mask: 0 or 1 with equal chance, as an i32 tensor; uniform: uniform in [-1, 1].
   */
  draw?: "normal" | "positive" | "unit" | "uniform" | "index" | "distinct" | "mask";
  below?: number;
  /** Drawn values are multiplied by this (f32 draws only). Default 1. */
  scale?: number;
  /** Fixed values instead of drawn ones. */
  values?: readonly number[];
  /** Whether a gradient is checked for it; default true for f32 inputs of a differentiable op. */
  gradient?: boolean;
}

/** Values of one input as the reference sees them. */
export interface Values {
  data: Float64Array;
  shape: readonly number[];
}

export interface OpCase {
  /** Name in the registry. */
  op: string;
  /** What is special about this row. */
  label: string;
  inputs: readonly InputSpec[];
  /** Our operation. */
  run(inputs: readonly Tensor[]): Tensor;
  /** The same in float64, plainly: its output's elements in row-major order. */
  reference(inputs: readonly Values[]): Float64Array | number[];
  /** The output's shape, where it is worth stating; the number of elements is checked in any case. */
  shape?: readonly number[];
  /** |got - expected| <= atol + rtol·|expected|. Defaults 1e-5 and 1e-5. */
  rtol?: number;
  atol?: number;
  /** The same for gradients (checked against central differences of the reference). Defaults 1e-4 and 1e-4. */
  gradientRtol?: number;
  gradientAtol?: number;
  /** It has indices outside what they index, on purpose. */
  outside?: boolean;
  /** false for huge rows, where differences by element would take minutes: only forward is checked. */
  gradient?: boolean;
}
