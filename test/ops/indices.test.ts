// Class labels and indices outside what they index: named by operation, place, value and bound in the first run of a captured
// function, in every operation where that is asked for, and nowhere else.
import { afterEach, describe, expect, it } from "vitest";
import { IndexError } from "../../src/gpu/errors.js";
import { crossEntropy, gather, indexSelect, oneHot, scatterAdd } from "../../src/ops/index.js";
import { capture } from "../../src/tensor/capture.js";
import type { Tensor } from "../../src/tensor/tensor.js";
import { useGpu } from "../support/gpu.js";

const gpu = useGpu();
afterEach(() => {
  gpu().checkIndices = "first";
});

/** Operations on x [4, 6] and an index of the given shape, which counts up to `bound`. */
const uses: [name: string, shape: number[], bound: number, use: (x: Tensor, index: Tensor) => Tensor][] = [
  ["crossEntropy", [4], 6, (x, index) => crossEntropy(x, index, { reduction: "sum" })],
  ["gather", [4, 2], 6, (x, index) => gather(x, index, { dim: 1 })],
  ["indexSelect", [5], 4, (x, index) => indexSelect(x, index)],
  ["scatterAdd", [4, 3], 6, (x, index) => scatterAdd(x, index, x.slice([null, [0, 3]]), { dim: 1 })],
  ["oneHot", [2, 3], 7, (_, index) => oneHot(index, 7)],
];

describe.each(uses)("%s", (name, shape, bound, use) => {
  const size = shape.reduce((product, n) => product * n, 1);
  /** An index that is right, but for one place. */
  const indexWith = (at: number, value: number) =>
    gpu().tensor(
      Int32Array.from({ length: size }, (_, i) => (i === at ? value : i % bound)),
      shape,
    );
  const x = () => gpu().randn([4, 6]);

  it.each([-1, bound, 2 ** 31 - 2, -(2 ** 31)])("names the index %s and its place", async (value) => {
    gpu().checkIndices = "always";
    const place = shape.length === 1 ? `[${size - 1}]` : `[${shape.map((n) => n - 1).join(", ")}]`;
    const wrong = use(x(), indexWith(size - 1, value));
    const message = `${name}: the index at ${place} is ${value}, but indices here run from 0 to ${bound - 1}.`;
    await expect(wrong.data()).rejects.toThrow(new IndexError(message));
    // The device goes on, and what was found is told once.
    expect((await wrong.data()).length).toBe(wrong.size);
    expect((await use(x(), indexWith(0, bound - 1)).data()).every(Number.isFinite)).toBe(true);
  });

  it("looks at indices in the first run of a captured function only", async () => {
    const run = capture(gpu(), (inputs: { x: Tensor; index: Tensor }) => use(inputs.x, inputs.index));
    const inputs = { x: x(), index: indexWith(1, bound) };
    const dispatches = async () => {
      const before = gpu().device.counts.dispatches;
      const y = run(inputs);
      const count = gpu().device.counts.dispatches - before;
      return { count, data: await y.data().catch((error: unknown) => String(error)) };
    };
    const first = await dispatches();
    expect(first.data).toMatch(new RegExp(`IndexError: ${name}: the index at \\[.*1\\] is ${bound},`));
    const second = await dispatches();
    expect(second.count).toBe(first.count - 1);
    expect(typeof second.data).not.toBe("string");
    run.dispose();
  });

  it("looks at them in every run where that is asked for, and never where it is not", async () => {
    const record = () =>
      capture(gpu(), (inputs: { x: Tensor; index: Tensor }) => use(inputs.x, inputs.index));
    gpu().checkIndices = "always";
    const always = record();
    const [right, wrong] = [indexWith(0, 0), indexWith(0, -3)];
    for (const index of [right, wrong, right, wrong]) {
      const read = always({ x: x(), index }).data();
      if (index === wrong) await expect(read).rejects.toThrow(/is -3/);
      else expect((await read).every(Number.isFinite)).toBe(true);
    }
    gpu().checkIndices = "never";
    const never = record();
    await never({ x: x(), index: wrong }).data();
    await use(x(), wrong).data();
    gpu().checkIndices = "first";
    await use(x(), wrong).data(); // eagerly there is no first run
    for (const run of [always, never]) run.dispose();
  });
});

it("passes over what crossEntropy ignores, and says where there is nothing to point at", async () => {
  gpu().checkIndices = "always";
  const logits = gpu().randn([3, 4]);
  const target = gpu().tensor(Int32Array.of(1, -100, 3));
  expect(Number.isFinite(await crossEntropy(logits, target).item())).toBe(true);
  await expect(crossEntropy(logits, target, { ignoreIndex: 3 }).item()).rejects.toThrow(/\[1\] is -100/);
  const nothing = gpu()
    .zeros([0, 3])
    .indexSelect(gpu().tensor(Int32Array.of(0)));
  await expect(nothing.data()).rejects.toThrow(/have nothing to point at/);
});
