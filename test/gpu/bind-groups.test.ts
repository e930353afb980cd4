// Bind groups are kept for buffers that come back, and not for ever: work of ever other sizes must not fill the memory with them.
import { expect, it } from "vitest";
import { add } from "../../src/ops/binary.js";
import { useGpu } from "../support/gpu.js";

const gpu = useGpu();

it("are made once for the same buffers, and anew after thousands of others", async () => {
  const { pipelines } = gpu().device;
  const made = () => pipelines.bindGroupsCreated;
  const big = gpu().tensor(Float32Array.from({ length: 80_000 }, (_, i) => i));
  const sum = async () => {
    const made = gpu().scope(() => add(big, big));
    const values = await made.data();
    made.dispose();
    return values;
  };
  await sum();
  const first = made();
  await sum();
  expect(made()).toBe(first);
  // Each of another size, and so of another binding.
  for (let size = 4; size < 4 * 6000; size += 4) {
    gpu().scope(() => void add(gpu().empty([size]), 1));
  }
  const between = made();
  expect(between - first).toBeGreaterThan(5000);
  const again = await sum();
  expect(made()).toBe(between + 1);
  expect(again).toEqual(Float32Array.from({ length: 80_000 }, (_, i) => 2 * i));
  await sum();
  expect(made()).toBe(between + 1);
  big.dispose();
});
