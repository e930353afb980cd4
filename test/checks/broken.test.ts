/// <reference types="vite/types/importMeta.d.ts" />
// A driver that computes wrongly, made by rewriting kernels' texts at the device: every kernel that an operation asks for is broken in
// turn with its family's first choice, must be found, and must be routed around, so that the operation is right in float64 afterwards.
import { afterAll, describe, expect, it } from "vitest";
import { kernelChecks } from "../../src/checks/index.js";
import { checkWork, usesOf } from "../../src/checks/run.js";
import { turnChecksOn } from "../../src/checks/use.js";
import { Device } from "../../src/gpu/device.js";
import { MemoryTuningStore } from "../../src/gpu/tuner-store.js";
import { openNodeGpu } from "../../src/host/node/adapter.js";
import type { HostGpu } from "../../src/host/types.js";
import { checkIndices } from "../../src/ops/indices.js";
import { makeTuner, startTuner } from "../../src/ops/tuning-families.js";
import { HeadData } from "../../src/probe/grid/data.js";
import { trainHeads } from "../../src/probe/grid/trainer.js";
import { Gpu } from "../../src/tensor/gpu.js";
import { Random } from "../../src/tensor/random.js";
import { sizeOf } from "../../src/tensor/shape.js";
import type { OpCase } from "../ops/case.js";
import { checkCase } from "../ops/check.js";
import { openLess } from "../support/adapters.js";
import { freshSeed, useGpu } from "../support/gpu.js";
import { demoTrainer } from "./demo.js";

const families = import.meta.glob<OpCase[]>("../ops/*.cases.ts", { eager: true, import: "cases" });
const sound = useGpu();
const seed = freshSeed("broken kernels");

/** Ways for a kernel to be wrong. */
const faults = {
  "does nothing": (code: string) => code.replace(/(fn main\([^{]*\{)/, "$1 if (true) { return; }"),
  "is refused": (code: string) => `${code}\nfn broken() -> f32 { return no_such_name; }`,
  "adds a little": (code: string) =>
    code.replace(/\b((?:target_|out0|c|gradient|value|sums)\[[^\]=]+\]) = ([^;]+);/g, "$1 = ($2) * 1.01;"),
};
type Fault = keyof typeof faults;

const hosts: HostGpu[] = [];
afterAll(() => {
  for (const host of hosts) host.release();
});

/** A device on which some kernels are wrong. */
async function brokenGpu(
  which: ReadonlySet<string> | RegExp,
  fault: Fault,
  { store = new MemoryTuningStore(), broken = new Set<string>() } = {},
): Promise<Gpu> {
  const host = await openNodeGpu({}); // an adapter gives one device
  hosts.push(host);
  const device = await Device.open(host.gpu, host.adapter, {
    adapterName: host.name,
    software: host.software,
    tuner: makeTuner,
    rewrite(code, key) {
      const isBroken = which instanceof RegExp ? which.test(key) : which.has(key);
      const text = isBroken ? faults[fault](code) : code;
      if (text !== code) broken.add(key);
      return text;
    },
  });
  await startTuner(device, store);
  return new Gpu(device, () => {}, checkIndices);
}

/** A row's operation and its gradient, as work to be recorded. */
function workOf(gpu: Gpu, row: OpCase): () => void {
  return () => {
    const inputs = row.inputs.map(({ shape, draw, gradient = true }) => {
      const whole = draw === "index" || draw === "mask";
      const tensor = gpu.empty(shape, { dtype: whole ? "i32" : "f32" });
      tensor.requiresGrad = gradient && !whole;
      return tensor;
    });
    const output = row.run(inputs);
    if (output.requiresGrad) output.backward(gpu.empty(output.shape));
  };
}

const keysOf = (gpu: Gpu, work: () => void) => new Set([...usesOf(gpu, work).keys()].map(({ key }) => key));

// A row of some size of each operation; of the many functions of one element by element program a few.
const few = new Set(["gelu", "relu", "pow_scalar", "add", "maximum"]);
const rows = Object.entries(families).flatMap(([file, all]) => {
  const checked = all.filter(({ gradient }) => gradient !== false);
  const first = [...new Set(checked.map(({ op }) => op))].flatMap((op) => {
    const own = checked.filter((row) => row.op === op);
    return own.find(({ inputs }) => sizeOf(inputs[0].shape) >= 30) ?? own[0];
  });
  return /unary|binary/.test(file) ? first.filter(({ op }) => few.has(op)) : first;
});

describe("an operation whose kernels are wrong is computed by others", () => {
  rows.forEach((row, i) => {
    const fault = (["does nothing", "is refused", "adds a little"] as const)[i % 3];
    it(`${row.op}, ${row.label}: ${fault}`, async () => {
      const keys = keysOf(sound(), workOf(sound(), row));
      const broken = new Set<string>();
      const gpu = await brokenGpu(keys, fault, { broken });
      try {
        const result = await checkWork(gpu, kernelChecks, workOf(gpu, row), seed);
        expect(broken.size).toBeGreaterThan(fault === "adds a little" || keys.size === 0 ? -1 : 0);
        expect(new Set(result.wrong.map(({ key }) => key))).toEqual(broken);
        expect(result.wrong.filter(({ avoided }) => !avoided)).toEqual([]);
        expect([...keysOf(gpu, workOf(gpu, row))].filter((key) => broken.has(key))).toEqual([]);
        expect(await checkCase(gpu, row, seed)).toEqual([]);
      } finally {
        gpu.close();
      }
    });
  });
});

describe("a training step", () => {
  it("does without every kernel that it would have taken, and computes the same", async () => {
    const [healthy, before] = [demoTrainer(sound(), { batch: 2 }), sound().device.tuner.verdicts.counts()];
    expect(before.wrong).toBe(0);
    const keys = keysOf(sound(), () => healthy.rehearse());
    const gpu = await brokenGpu(keys, "does nothing");
    const trainer = demoTrainer(gpu, { batch: 2 });
    try {
      const result = await checkWork(gpu, kernelChecks, () => trainer.rehearse(), seed);
      console.info(`${result.checked} kernels in ${result.ms.toFixed(0)} ms, ${result.wrong.length} wrong`);
      expect(result.wrong.filter(({ avoided }) => !avoided)).toEqual([]);
      expect(result.wrong.length).toBe(keys.size);
      for (let step = 0; step < 3; step++) {
        const [ours, theirs] = [await trainer.next(), await healthy.next()];
        expect(Math.abs(ours.loss / theirs.loss - 1)).toBeLessThan(1e-4);
      }
      const [ours, theirs] = [await trainer.model.parameters.read(), await healthy.model.parameters.read()];
      for (const [name, { data }] of theirs) {
        const other = ours.get(name)?.data ?? [];
        expect(Math.max(...data.map((value, i) => Math.abs(value - other[i]))), name).toBeLessThan(1e-4);
      }
    } finally {
      trainer.dispose();
      healthy.dispose();
      gpu.close();
    }
  }, 400_000); // with the other kernels of a step to compile, too

  it("keeps what was found for the next device, and forgets it with the shader", async () => {
    const store = new MemoryTuningStore();
    const row = rows.find(({ op }) => op === "softmax") as OpCase;
    const keys = keysOf(sound(), workOf(sound(), row));
    const first = await brokenGpu(keys, "does nothing", { store });
    expect((await checkWork(first, kernelChecks, workOf(first, row))).wrong.length).toBe(keys.size);
    first.close();
    const second = await brokenGpu(keys, "does nothing", { store });
    const again = await checkWork(second, kernelChecks, workOf(second, row));
    expect(again).toMatchObject({ checked: 0, wrong: [] });
    expect(await checkCase(second, row, seed)).toEqual([]);
    // A run that took its kernels down carries the verdicts with it, to a machine whose cache is gone.
    const record = second.device.tuner.record();
    second.close();
    const third = await brokenGpu(keys, "does nothing");
    third.device.tuner.follow(record);
    expect([...keys].every((key) => third.device.tuner.wrong(key) !== undefined)).toBe(true);
    for (const verdicts of Object.values(record.checks ?? {})) verdicts.sources = "other";
    const fourth = await brokenGpu(keys, "does nothing");
    fourth.device.tuner.follow(record);
    expect([...keys].some((key) => fourth.device.tuner.wrong(key) !== undefined)).toBe(false);
    third.close();
    fourth.close();
  });
});

describe("a grid of probe heads", () => {
  const lr = 0.01;
  const runs = ([0, "sum"] as const).flatMap((layer) =>
    [0, 8].map((hidden) => ({
      ...{
        standardise: true,
        hidden,
        batch: 16,
        lr,
        dropout: 0.25,
        dropInput: layer !== "sum",
        l2: 0.01,
        layer,
      },
    })),
  );

  /** Its heads after a few steps on a device, and what was said of its kernels. */
  async function headsOn(gpu: Gpu) {
    const random = new Random(seed, 3);
    const [n, d] = [50, 14]; // two layers of seven
    const values = Float32Array.from({ length: n * d }, () => random.normal());
    const labels = Array.from({ length: n }, (_, i) => [
      Number(values[i * d] > 0) + Number(values[i * d + 1] > 0),
    ]);
    const order = [...random.permutation(n)];
    const split = {
      train: order.slice(0, 32),
      valid: order.slice(32, 44),
      test: order.slice(44),
      dropped: 0,
    };
    const task = { kind: "classification" as const, classes: ["a", "b", "c"], labels };
    const data = new HeadData(gpu, task, { n, d, values, layers: 2 }, split, true);
    const said: string[] = [];
    turnChecksOn(gpu, (line) => said.push(line));
    const schedule = { evaluateEvery: 6, evaluateFirst: false, patience: 1, most: 1 };
    const results = await trainHeads(data, runs, schedule, { seed, keep: "all" });
    data.dispose();
    return { results, said };
  }

  it("is checked before its first step, and trained without the kernels that are wrong", async () => {
    const healthy = await openLess({});
    const broken = new Set<string>();
    const gpu = await brokenGpu(/^probe\/(?!.*(SERIAL|WIDTH=1\b))/, "does nothing", { broken });
    try {
      const [theirs, ours] = [await headsOn(healthy), await headsOn(gpu)];
      expect(theirs.said.join()).toMatch(/^checked \d+ kernels on this adapter in .*: all right/);
      expect(ours.said.join()).toMatch(/: \d+ wrong: probe\/.*avoided/);
      expect(broken.size).toBeGreaterThanOrEqual(7);
      const weightsOf = ({ results }: typeof ours) =>
        results.flatMap(({ head, steps }) => [
          steps,
          ...(head?.layers ?? []).flatMap(({ weight }) => [...weight]),
        ]);
      const [expected, got] = [weightsOf(theirs), weightsOf(ours)];
      expect(got.length).toBe(expected.length);
      const off = got.map((value, i) => Math.abs(value - expected[i])).sort((a, b) => b - a);
      expect(off.every(Number.isFinite)).toBe(true);
      // A gradient that is nothing but rounding moves its weight as far as any other does: Adam divides by its size.
      expect(off[Math.ceil(off.length / 50)]).toBeLessThan(lr / 10);
    } finally {
      gpu.close();
      healthy.close();
    }
  }, 400_000);
});
