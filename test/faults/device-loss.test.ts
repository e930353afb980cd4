// A device that is lost in the middle of a run, and twice in a row: the run opens it again and ends with the bits of an undisturbed one.
// `npm run faults -- --losses 20` does more of it.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { DeviceLostError } from "../../src/gpu/errors.js";
import { Random } from "../../src/tensor/random.js";
import { freshSeed } from "../support/gpu.js";
import { loseAfter, onSubmission } from "../support/submissions.js";
import { trainHere } from "../support/train-here.js";

const folder = mkdtempSync(join(tmpdir(), "melgrad-loss-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it("goes on by itself to the same bits", async () => {
  const random = new Random(freshSeed("device lost"));
  await trainHere(folder, "warm", { steps: 1 });
  let submissions = 0;
  const whole = await trainHere(
    folder,
    "whole",
    { steps: 8 },
    {
      spoil: ({ device }) =>
        onSubmission(device.gpu, (count) => {
          submissions = count;
        }),
    },
  );
  const lost = await trainHere(
    folder,
    "lost",
    { steps: 8 },
    {
      spoil(gpu, opened) {
        if (opened >= 3) return;
        // The second loss comes soon after the first, and the others so early that the run is not at its end.
        const most = opened === 1 ? 3 : Math.floor(submissions / 3);
        loseAfter(gpu.device.gpu, 1 + random.integer(most), 20 * random.uniform());
      },
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
