// A device that is lost in the middle of a run, and twice in a row: the run opens it again and ends with the bits of an undisturbed one.
// `npm run faults -- --losses 20` does more of it.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { DeviceLostError } from "../../src/gpu/errors.js";
import { Random } from "../../src/tensor/random.js";
import { freshSeed } from "../support/gpu.js";
import { loseAfter } from "../support/submissions.js";
import { trainHere } from "../support/train-here.js";

const folder = mkdtempSync(join(tmpdir(), "melgrad-loss-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it("goes on by itself to the same bits", async () => {
  const random = new Random(freshSeed("device lost"));
  const whole = await trainHere(folder, "whole", { steps: 8 });
  // Where, is said in steps: how many submissions come before the first is another number with every adapter and every load.
  let afterStep: ((step: number) => void) | undefined;
  const lost = await trainHere(
    folder,
    "lost",
    { steps: 8 },
    {
      spoil({ device }, opened) {
        if (opened >= 3) return;
        const lose = () => loseAfter(device.gpu, 1 + random.integer(3), 20 * random.uniform());
        if (opened === 1) return lose(); // soon after the first loss
        const at = opened + 1 + random.integer(3);
        afterStep = (step) => {
          if (step < at) return;
          afterStep = undefined;
          lose();
        };
      },
      step: (step) => afterStep?.(step),
    },
  );
  expect(lost.notes.filter((note) => note.includes("lost its device"))).toHaveLength(3);
  expect(lost.weights.equals(whole.weights)).toBe(true);
  expect(lost.log).toEqual(whole.log);
  expect(lost.heldOut).toEqual(whole.heldOut);
});

it("gives up where there is no step between losses", async () => {
  const run = trainHere(
    folder,
    "hopeless",
    { steps: 8 },
    {
      spoil: (gpu) => gpu.device.gpu.destroy(),
    },
  );
  await expect(run).rejects.toThrow(DeviceLostError);
  await expect(run).rejects.toThrow(/5 times without a step/);
});
