// Training in slices on devices whose promises come late: the bits of the whole step, a first step that waits little more than where
// promises are prompt, and later ones that cost the processor no more. And that a polled device is made to look.
import { afterAll, beforeAll, expect, it } from "vitest";
import { TrainingRun } from "../../bench/browser/training.js";
import { type Cost, learn } from "../../src/gpu/pace.js";
import { Waiting } from "../../src/gpu/waiting.js";
import { capture } from "../../src/tensor/capture.js";
import type { Gpu } from "../../src/tensor/gpu.js";
import { Random } from "../../src/tensor/random.js";
import type { Tensor } from "../../src/tensor/tensor.js";
import { freshSeed } from "../support/gpu.js";
import { lateness, openSlow, type Promises } from "../support/slow-promises.js";

const kinds = ["prompt", "late", "polled"] as const;
const budgetMs = 12;
const gpus = new Map<Promises, Gpu>();

beforeAll(async () => {
  for (const kind of kinds) gpus.set(kind, await openSlow(kind));
});

afterAll(() => {
  for (const gpu of gpus.values()) gpu.close();
});

const gpuOf = (kind: Promises) => gpus.get(kind) as Gpu;

it("takes the steps of a prompt device, bit for bit, in about its time", async () => {
  const seed = freshSeed("steps in slices");
  const pretrain = { batch: 4 };
  const runs = new Map<Promises, TrainingRun>();
  const times = new Map<Promises, { clock: number; processor: number; loss: number }[]>();
  for (const kind of kinds) {
    const run = new TrainingRun(gpuOf(kind), { seed, pretrain });
    await run.trainer.prepare();
    await run.gpu.device.waiting.measured;
    runs.set(kind, run);
    times.set(kind, []);
  }
  // The driver compiles at a kernel's first execution and keeps the result for the process: that is nobody's first step.
  const whole = new TrainingRun(gpuOf("prompt"), { seed, pretrain });
  const losses = await whole.steps(10);
  for (let step = 0; step < 10; step++) {
    for (const [kind, { trainer }] of runs) {
      const start = performance.now();
      const before = process.cpuUsage();
      const { measured } = await trainer.nextInSlices({ budgetMs, between: async () => {} });
      const { loss } = await measured;
      const { user, system } = process.cpuUsage(before);
      times.get(kind)?.push({ clock: performance.now() - start, processor: (user + system) / 1000, loss });
    }
  }
  const expected = await whole.weights();
  for (const [kind, run] of runs) {
    expect(times.get(kind)?.map(({ loss }) => loss)).toEqual(losses);
    expect(await run.weights()).toEqual(expected);
    run.trainer.dispose();
  }
  whole.trainer.dispose();
  const of = (kind: Promises, what: "clock" | "processor") =>
    (times.get(kind) ?? []).map((each) => each[what]);
  for (const kind of kinds) {
    const told = (what: "clock" | "processor") => of(kind, what).map(Math.round).join(" ");
    console.log(`${kind}: ${told("clock")} ms, of processors ${told("processor")}`);
  }
  for (const kind of ["late", "polled"] as const) {
    expect(of(kind, "clock")[0] - of("prompt", "clock")[0]).toBeLessThan(3000);
    // Other programs only ever add to a step: the least disturbed ones are compared.
    const later = (which: Promises) => Math.min(...of(which, "processor").slice(1));
    expect(later(kind)).toBeLessThan(1.5 * later("prompt"));
  }
}, 300_000);

it("cuts to the budget, with few slices on the device at once", async () => {
  const gpu = gpuOf("prompt");
  gpu.seed(freshSeed("slices of a chain"));
  const chain = capture(gpu, ({ x }: { x: Tensor }) => {
    let y = x;
    for (let i = 0; i < 40; i++) y = y.matmul(x);
    return y;
  });
  const x = gpu.randn([256, 256]).mul(1 / 16);
  const { queue } = gpu.device.gpu;
  const done = queue.onSubmittedWorkDone;
  let [waiting, most] = [0, 0];
  queue.onSubmittedWorkDone = () => {
    most = Math.max(most, ++waiting);
    return done.call(queue).finally(() => waiting--);
  };
  const slicesWith = async (budget: number) => {
    let slices = 0;
    const between = async () => {
      slices++;
    };
    const y = await chain.inSlices({ x }, { budgetMs: budget, between });
    expect((await y.data()).every(Number.isFinite)).toBe(true);
    return slices;
  };
  try {
    for (let i = 0; i < 3; i++) await slicesWith(5);
    expect(await slicesWith(1e-6)).toBe(40);
    const start = performance.now();
    expect(await slicesWith(1e6)).toBe(1);
    const eighth = (performance.now() - start) / 8;
    most = 0;
    const slices = await slicesWith(eighth);
    expect(slices).toBeGreaterThan(2);
    expect(slices).toBeLessThan(40);
    expect(most).toBe(2);
  } finally {
    queue.onSubmittedWorkDone = done;
    chain.dispose();
  }
});

it("makes a polled device look, and sends nothing where that is of no use", async () => {
  const gpu = gpuOf("polled");
  await Promise.all(kinds.map((kind) => gpuOf(kind).device.waiting.measured));
  const x = gpu.tensor([1, 2, 3]);
  const start = performance.now();
  for (let i = 0; i < 20; i++) await x.add(i).data();
  expect((performance.now() - start) / 20).toBeLessThan(0.6 * lateness); // who waits for the timer waits for all of it
  const nudges = kinds.map((kind) => gpuOf(kind).device.waiting.nudges);
  expect(nudges.slice(1)).toEqual([false, true]); // a prompt device on a busy machine may be taken for a slow one
});

it("learns what commands cost from the times of slices", () => {
  const random = new Random(freshSeed("costs of slices"));
  const truth = Array.from({ length: 12 }, () => Math.exp(2 * random.normal()));
  const costs = truth.map((): Cost => ({ ms: undefined, times: 0 }));
  const program = Array.from({ length: 80 }, () => Math.floor(12 * random.uniform()));
  const slice = () => {
    const from = Math.floor(60 * random.uniform());
    return program.slice(from, from + 1 + Math.floor(19 * random.uniform()));
  };
  const total = (of: readonly number[], list: readonly number[]) => list.reduce((sum, i) => sum + of[i], 0);
  for (let i = 0; i < 600; i++) {
    const commands = slice();
    const compiling = i < 12 ? 50 : 0;
    const noise = 0.9 + 0.2 * random.uniform();
    learn(
      commands.map((command) => costs[command]),
      noise * total(truth, commands) + compiling,
      0.5,
    );
  }
  for (let i = 0; i < 50; i++) {
    const commands = slice();
    const expected = total(
      costs.map(({ ms }) => ms ?? Number.NaN),
      commands,
    );
    const right = total(truth, commands);
    expect(Math.abs(expected - right)).toBeLessThan(0.3 * right + 1);
  }
});

it("is not misled by a first answer that comes by chance", async () => {
  let asked = 0;
  const held: (() => void)[] = [];
  const queue = {
    onSubmittedWorkDone: () =>
      new Promise<undefined>((done) => {
        if (asked++ === 0) done(undefined);
        else held.push(() => done(undefined));
      }),
    submit: () => {
      for (const tell of held.splice(0)) tell();
    },
  };
  const timer = setInterval(queue.submit, lateness);
  const waiting = new Waiting(queue as unknown as GPUQueue);
  await waiting.measured;
  clearInterval(timer);
  expect(waiting.nudges).toBe(true);
  expect(waiting.latency).toBeLessThan(lateness / 2);
  waiting.stop();
});

it("sends ever fewer empty submissions while nothing is heard, and many again once something is", async () => {
  let sent = 0;
  let answered = 0;
  const held: (() => void)[] = [];
  const queue = {
    onSubmittedWorkDone: () => new Promise<undefined>((done) => held.push(() => done(undefined))),
    submit: () => {
      sent++;
      if (sent > answered) for (const tell of held.splice(0)) tell();
    },
  };
  const timer = setInterval(() => {
    for (const tell of held.splice(0)) tell();
  }, lateness);
  const waiting = new Waiting(queue as unknown as GPUQueue);
  await waiting.measured;
  clearInterval(timer);
  expect(waiting.nudges).toBe(true);
  [sent, answered] = [0, Number.POSITIVE_INFINITY];
  const long = waiting.done();
  await new Promise((done) => setTimeout(done, 1500));
  // Every millisecond, or every 4, would be hundreds: a share of 1/8 is 8·ln(1500/8) + 8 at most.
  expect(sent).toBeGreaterThan(5);
  expect(sent).toBeLessThanOrEqual(60);
  answered = 0;
  await long;
  const start = performance.now();
  for (let i = 0; i < 10; i++) await waiting.done();
  expect(performance.now() - start).toBeLessThan(10 * lateness);
  waiting.stop();
});
