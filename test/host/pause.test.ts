// Waiting leaves the processor to others: the event loop turns seldom while somebody waits, soon at the beginning, and as ever afterwards.
import { expect, it } from "vitest";
import { pauseDuring, type Waited } from "../../src/host/node/pause.js";
import { open } from "../../src/node.js";

/** Turns of the event loop until `ended` is true. */
async function turnsUntil(ended: () => boolean): Promise<number> {
  for (let turns = 0; ; turns++) {
    if (ended()) return turns;
    await new Promise(setImmediate);
  }
}

const after = (ms: number) => {
  const end = performance.now() + ms;
  return () => performance.now() >= end;
};

it("makes turns longer the longer somebody waits, and no more when nobody does", async () => {
  const waiting: { waiters: number } & Omit<Waited, "waiters"> = {
    waiters: 0,
    stopped: false,
    began: undefined,
  };
  pauseDuring(waiting);
  waiting.waiters = 1;
  waiting.began?.();
  // After 16 ms a turn takes half a millisecond, so that 300 ms have fewer than 600 and those of the first 16.
  const paused = await turnsUntil(after(300));
  expect(paused).toBeGreaterThan(1);
  expect(paused).toBeLessThan(1000);
  waiting.waiters = 0;
  await new Promise(setImmediate);
  const start = performance.now();
  let quickest = Number.POSITIVE_INFINITY;
  for (let i = 0; i < 50; i++) {
    const turn = performance.now();
    await new Promise(setImmediate);
    quickest = Math.min(quickest, performance.now() - turn);
  }
  expect(quickest, `50 turns took ${performance.now() - start} ms`).toBeLessThan(0.4);
});

it("is done for a device of Node", async () => {
  const gpu = await open();
  const { waiting } = gpu.device;
  expect(waiting.began).toBeTypeOf("function");
  const x = gpu.randn([256, 256]);
  let y = x;
  for (let i = 0; i < 40; i++) y = y.matmul(x).mul(0.01);
  let done = false;
  const value = y
    .mean()
    .item()
    .finally(() => {
      done = true;
    });
  await turnsUntil(() => waiting.waiters > 0 || done);
  const start = performance.now();
  const turns = await turnsUntil(() => done);
  const ms = performance.now() - start;
  expect(Number.isNaN(await value)).toBe(false);
  expect(turns, `in ${ms} ms`).toBeLessThan(3 * ms + 300);
  expect(waiting.waiters).toBe(0);
  gpu.close();
});
