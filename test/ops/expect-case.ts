// A row of the op table as an assertion.
import { expect } from "vitest";
import type { Gpu } from "../../src/tensor/gpu.js";
import type { OpCase } from "./case.js";
import { checkCase } from "./check.js";

/** Asserts that a row passes. */
export async function expectCase(gpu: Gpu, row: OpCase, seed: number): Promise<void> {
  // Tensors that a row makes on its way belong to no scope; they are few and the file's device is closed after it.
  expect(await checkCase(gpu, row, seed)).toEqual([]);
}
