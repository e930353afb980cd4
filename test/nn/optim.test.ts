// Optimisers, clipping and the moving average against float64, over parameters of awkward sizes; and that their state can be
// saved and restored.
import { describe, expect, it } from "vitest";
import { DataError } from "../../src/gpu/errors.js";
import { GradientClipper, MovingAverage, Optimizer, type OptimizerOptions } from "../../src/nn/optim.js";
import { ParameterSet } from "../../src/nn/parameters.js";
import type { Gpu } from "../../src/tensor/gpu.js";
import { Random } from "../../src/tensor/random.js";
import { sizeOf } from "../../src/tensor/shape.js";
import { useLess } from "../support/adapters.js";
import { freshSeed, useGpu } from "../support/gpu.js";

const gpu = useGpu();
const shapes: Record<string, number[]> = { bias: [1], odd: [3, 7], whole: [1024], long: [5, 411] };

function makeSet(random: Random, on: Gpu = gpu(), of = shapes): ParameterSet {
  const specs = Object.entries(of).map(([name, shape]) => ({
    name,
    shape,
    init: (size: number, r: Random) => Float32Array.from({ length: size }, () => r.normal()),
  }));
  return new ParameterSet(on, specs, random);
}

/** Writes fresh gradients and returns them. */
function drawGradients(set: ParameterSet, random: Random, scale = 1): Map<string, Float32Array> {
  return new Map(
    set.names.map((name) => {
      const parameter = set.get(name);
      const values = Float32Array.from({ length: parameter.size }, () => scale * random.normal());
      parameter.gradSlot?.write(values);
      parameter.grad = parameter.gradSlot;
      return [name, values];
    }),
  );
}

interface State {
  value: Float64Array;
  m: Float64Array;
  v: Float64Array;
}

/** One update of one parameter, as PyTorch documents its optimisers. */
function reference(o: OptimizerOptions, state: State, grad: Float32Array, lr: number, step: number): void {
  const { betas = [0.9, 0.999], eps = 1e-8, weightDecay = 0, momentum = 0, nesterov = false } = o;
  const { value, m, v } = state;
  for (let i = 0; i < value.length; i++) {
    let g = grad[i];
    if (o.rule === "adamw") value[i] -= lr * weightDecay * value[i];
    else g += weightDecay * value[i];
    if (o.rule === "sgd") {
      m[i] = step === 1 ? g : momentum * m[i] + g;
      value[i] -= lr * (momentum === 0 ? g : nesterov ? g + momentum * m[i] : m[i]);
      continue;
    }
    m[i] = betas[0] * m[i] + (1 - betas[0]) * g;
    v[i] = betas[1] * v[i] + (1 - betas[1]) * g * g;
    const root = Math.sqrt(v[i] / (1 - betas[1] ** step)) + eps;
    value[i] -= (lr * m[i]) / (1 - betas[0] ** step) / root;
  }
}

function expectClose(got: Float32Array, want: Float64Array, tolerance: number): void {
  expect(got.length).toBe(want.length);
  let worst = 0;
  got.forEach((value, i) => {
    const error = Math.abs(value - want[i]) / (1 + Math.abs(want[i]));
    worst = Math.max(worst, Number.isNaN(error) ? Number.POSITIVE_INFINITY : error);
  });
  expect(worst).toBeLessThanOrEqual(tolerance);
}

describe("updates", () => {
  it.each<[string, OptimizerOptions]>([
    ["sgd", { rule: "sgd" }],
    ["sgd with momentum and decay", { rule: "sgd", momentum: 0.9, weightDecay: 0.1 }],
    ["sgd with Nesterov momentum", { rule: "sgd", momentum: 0.8, nesterov: true }],
    ["adam", { rule: "adam", weightDecay: 0.05 }],
    ["adamw", { rule: "adamw", betas: [0.9, 0.95], weightDecay: 0.05, eps: 1e-6 }],
  ])("%s equals float64 over eight steps", async (label, options) => {
    const random = new Random(freshSeed(label));
    const set = makeSet(random);
    const optimizer = new Optimizer(set, options);
    const states = new Map<string, State>();
    for (const [name, { data }] of await set.read()) {
      const zeros = () => new Float64Array(data.length);
      states.set(name, { value: Float64Array.from(data), m: zeros(), v: zeros() });
    }
    for (let step = 1; step <= 8; step++) {
      const lr = 0.1 / step;
      for (const [name, grad] of drawGradients(set, random))
        reference(options, states.get(name) as State, grad, lr, step);
      optimizer.update(lr);
    }
    expect(optimizer.step).toBe(8);
    for (const [name, { data }] of await set.read()) {
      expectClose(data, (states.get(name) as State).value, 2e-5);
    }
    optimizer.dispose();
    set.dispose();
  });

  it("goes on from a restored state to the same bits", async () => {
    const random = new Random(freshSeed("restore"));
    const options: OptimizerOptions = { rule: "adamw", weightDecay: 0.1 };
    const [first, second] = [makeSet(new Random(1)), makeSet(new Random(2))];
    const a = new Optimizer(first, options);
    drawGradients(first, random);
    a.update(0.1);
    a.update(0.05);
    const b = new Optimizer(second, options);
    second.write(await first.read());
    b.restore(await a.state(), a.step);
    const seed = random.word();
    drawGradients(first, new Random(seed));
    drawGradients(second, new Random(seed));
    a.update(0.02);
    b.update(0.02);
    expect(await second.read()).toEqual(await first.read());
    expect(await b.state()).toEqual(await a.state());
    expect(() => b.restore(new Map(), 3)).toThrow(DataError);
    for (const each of [a, b, first, second]) each.dispose();
  });
});

describe("clipping", () => {
  it.each<OptimizerOptions>([
    { rule: "adamw", weightDecay: 0.1 },
    { rule: "adam", weightDecay: 0.1 },
    { rule: "sgd", momentum: 0.9, weightDecay: 0.1 },
  ])("leaves all as it is where the norm is not finite: $rule", async (options) => {
    const random = new Random(freshSeed("not finite"));
    const set = makeSet(random);
    const [clipper, optimizer] = [new GradientClipper(set), new Optimizer(set, options)];
    const update = () => {
      clipper.measure(1);
      optimizer.update(0.1, clipper);
    };
    drawGradients(set, random);
    update();
    const before = [await set.read(), await optimizer.state()];
    for (const value of [Number.NaN, Number.NEGATIVE_INFINITY, 3e38]) {
      const spoilt = drawGradients(set, random).get("long") as Float32Array;
      spoilt[random.integer(spoilt.length)] = value;
      set.get("long").gradSlot?.write(spoilt);
      update();
      expect([await set.read(), await optimizer.state()], String(value)).toEqual(before);
    }
    expect(optimizer.step).toBe(4);
    for (const each of [clipper, optimizer, set]) each.dispose();
  });

  it.each([0.5, 1e6, Number.POSITIVE_INFINITY])(
    "measures the norm and scales to at most %s",
    async (limit) => {
      const random = new Random(freshSeed("clip"));
      const set = makeSet(random);
      const clipper = new GradientClipper(set);
      const gradients = drawGradients(set, random, 3);
      const squares = [...gradients.values()].flatMap((values) => [...values]).reduce((t, g) => t + g * g, 0);
      const norm = Math.sqrt(squares);
      const scale = Math.min(1, limit / (norm + 1e-6));
      clipper.measure(limit);
      expectClose(await clipper.result.data(), Float64Array.of(norm, scale), 1e-5);
      const before = await set.read();
      const plain = new Optimizer(set, { rule: "sgd" });
      plain.update(1, clipper);
      const after = await set.read();
      for (const [name, grad] of gradients) {
        const old = before.get(name)?.data ?? [];
        expectClose(
          after.get(name)?.data as Float32Array,
          Float64Array.from(grad, (g, i) => old[i] - scale * g),
          1e-5,
        );
      }
      clipper.apply();
      const [name, grad] = [...gradients][1];
      expectClose(
        (await set.get(name).grad?.data()) as Float32Array,
        Float64Array.from(grad, (g) => g * scale),
        1e-5,
      );
      for (const each of [clipper, plain, set]) each.dispose();
    },
  );
});

it("averages parameters over time", async () => {
  const random = new Random(freshSeed("average"));
  const set = makeSet(random);
  const average = new MovingAverage(set);
  const expected = new Map(
    [...(await set.read())].map(([name, { data }]) => [name, Float64Array.from(data)]),
  );
  for (let step = 0; step < 3; step++) {
    for (const name of set.names) {
      const values = Float32Array.from({ length: set.get(name).size }, () => random.normal());
      set.get(name).write(values);
      expected.get(name)?.forEach((value, i, all) => {
        all[i] = 0.9 * value + 0.1 * values[i];
      });
    }
    average.update(step === 1 ? () => 0.9 : 0.9);
  }
  for (const [name, { data }] of await set.read(average.average)) {
    expectClose(data, expected.get(name) as Float64Array, 1e-6);
  }
  average.dispose();
  set.dispose();
});

describe("parameters", () => {
  it("keeps values and gradients apart in two arenas and clears gradients", async () => {
    const random = new Random(freshSeed("arenas"));
    const set = makeSet(random);
    expect(set.count).toBe(Object.values(shapes).reduce((total, shape) => total + sizeOf(shape), 0));
    drawGradients(set, random);
    set.zeroGrad();
    expect(set.names.every((name) => set.get(name).grad === undefined)).toBe(true);
    expect((await set.get("odd").gradSlot?.data())?.every((value) => value === 0)).toBe(true);
    const chunks = set.chunks();
    const covered = Array.from({ length: chunks.length / 2 }, (_, i) => chunks[2 * i + 1]);
    expect(covered.reduce((total, n) => total + n, 0)).toBe(set.count);
    expect(Math.max(...covered)).toBeLessThanOrEqual(1024);
    set.dispose();
  });

  it("writes and reads values by name, and refuses other models' weights", async () => {
    const set = makeSet(new Random(freshSeed("weights")));
    const values = await set.read();
    const other = makeSet(new Random(77));
    other.write(values);
    expect(await other.read()).toEqual(values);
    const missing = new Map(values);
    missing.delete("odd");
    expect(() => other.write(missing)).toThrow(/lack 'odd'/);
    const bent = new Map(values).set("odd", { shape: [7, 3], data: new Float32Array(21) });
    expect(() => other.write(bent)).toThrow(/'odd' is \[7, 3\]/);
    expect(await other.read()).toEqual(values);
    expect(() => other.get("none")).toThrow(DataError);
    other.dispose();
    set.dispose();
  });
});

describe("arenas larger than a binding", () => {
  const limit = 512 * 1024;
  const small = useLess({ device: { limits: { maxStorageBufferBindingSize: limit } } });
  const of = { bias: [1], first: [301, 701], odd: [3, 7], second: [90_001], last: [13, 999] };

  it.each<OptimizerOptions>([
    { rule: "adamw", weightDecay: 0.1 },
    { rule: "sgd", momentum: 0.9 },
  ])("are updated as in one: $rule", async (options) => {
    const seed = freshSeed("large arenas");
    let largest = 0;
    small().device.observer = (_, blocks) => {
      for (const { bindingSize } of blocks) largest = Math.max(largest, bindingSize);
    };
    const results = [];
    for (const on of [gpu(), small()]) {
      const random = new Random(seed);
      const set = makeSet(random, on, of);
      const [clipper, optimizer] = [new GradientClipper(set), new Optimizer(set, options)];
      const norms: number[] = [];
      for (let step = 0; step < 3; step++) {
        drawGradients(set, random);
        clipper.measure(1);
        norms.push((await clipper.result.data())[0]);
        optimizer.update(0.1, clipper);
      }
      results.push({ read: await set.read(), norms });
      for (const each of [clipper, optimizer, set]) each.dispose();
    }
    small().device.observer = undefined;
    const [whole, cut] = results;
    expect(largest).toBeGreaterThan(limit / 4);
    expect(largest).toBeLessThanOrEqual(limit);
    for (const [step, norm] of whole.norms.entries()) {
      expect(Math.abs(cut.norms[step] - norm) <= 1e-5 * norm, `norm ${step}`).toBe(true);
    }
    for (const [name, { data }] of whole.read) {
      const got = cut.read.get(name)?.data ?? [];
      expect(got.length).toBe(data.length);
      const worst = data.reduce((most, value, i) => Math.max(most, Math.abs(got[i] - value) || 0), 0);
      expect(
        worst <= 1e-6 && data.every(Number.isFinite) && got.every(Number.isFinite),
        `${name}: ${worst}`,
      ).toBe(true);
    }
  });
});
