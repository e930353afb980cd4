// One device for a test file, on the adapter that MELGRAD_ADAPTER names (auto otherwise), and the seed that a run prints.
import { afterAll, beforeAll } from "vitest";
import { open } from "../../src/node.js";
import type { Gpu } from "../../src/tensor/gpu.js";

let shared: Gpu | undefined;

/** Opens the device before the file's tests and closes it after them. Call at the top of a describe or file. */
export function useGpu(): () => Gpu {
  beforeAll(async () => {
    shared ??= await open();
  });
  afterAll(() => {
    shared?.close();
    shared = undefined;
  });
  return () => {
    if (!shared) throw new Error("The device is open inside tests only.");
    return shared;
  };
}

/** A fresh seed, or MELGRAD_SEED to repeat a failing run. Printed so that it can be repeated. */
export function freshSeed(label: string): number {
  const seed = process.env.MELGRAD_SEED
    ? Number(process.env.MELGRAD_SEED)
    : Math.floor(Math.random() * 2 ** 31);
  console.info(`${label}: MELGRAD_SEED=${seed}`);
  return seed;
}
