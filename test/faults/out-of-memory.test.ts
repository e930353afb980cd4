// A device whose memory ends: at one allocation, at whichever; and for good, where the run goes on in micro-batches or says what holds how
// much. `npm run faults -- --shortages 20` tries more allocations.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { OutOfMemoryError } from "../../src/gpu/errors.js";
import { Random } from "../../src/tensor/random.js";
import { freshSeed } from "../support/gpu.js";
import { type Allocations, shortOfMemory } from "../support/short-of-memory.js";
import { type TrainedHere, trainHere } from "../support/train-here.js";

const folder = mkdtempSync(join(tmpdir(), "melgrad-memory-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const steps = 5;

/** Trains with a device that is watched, and refuses nothing. */
async function watched(name: string, accumulate: number): Promise<{ run: TrainedHere; made: Allocations }> {
  let made: Allocations = { count: 0, peak: 0 };
  const run = await trainHere(
    folder,
    name,
    { steps, accumulate },
    {
      spoil: ({ device }) => {
        made = shortOfMemory(device.gpu, { refuses: () => false });
      },
    },
  );
  return { run, made };
}

let whole: Awaited<ReturnType<typeof watched>>;
beforeAll(async () => {
  // Log-mels are made once, on a device that is not watched: all later runs read them, and so ask for the same memory.
  await trainHere(folder, "prepared", { steps: 1 });
  whole = await watched("whole", 1);
});

it("is tried once more on an empty device, to the same bits", async () => {
  const random = new Random(freshSeed("one allocation"));
  const nth = random.integer(whole.made.count);
  const run = await trainHere(
    folder,
    "once",
    { steps },
    {
      spoil({ device }, opened) {
        if (opened === 0) shortOfMemory(device.gpu, { refuses: (_, number) => number === nth });
      },
    },
  );
  const noticed = run.notes.filter((note) => note.startsWith("memory ran out ("));
  expect(noticed, `allocation ${nth} of ${whole.made.count}`).toHaveLength(1);
  expect(run.weights.equals(whole.run.weights)).toBe(true);
  expect(run.log).toEqual(whole.run.log);
});

it("goes on in micro-batches where the batch is too large, with the same numbers to rounding", async () => {
  const halved = await watched("halved", 2);
  expect(halved.made.peak).toBeLessThan(whole.made.peak);
  const limit = (halved.made.peak + whole.made.peak) / 2;
  const run = await trainHere(
    folder,
    "limited",
    { steps },
    {
      spoil: ({ device }) => shortOfMemory(device.gpu, { refuses: (bytes, _, live) => live + bytes > limit }),
    },
  );
  expect(
    run.notes.filter((note) => /^memory ran out again: going on in 2 micro-batches/.test(note)),
  ).toHaveLength(1);
  expect(run.weights.equals(halved.run.weights)).toBe(true);
  for (const [i, line] of run.log.entries()) {
    const { loss } = whole.run.log[i] as { loss: number };
    expect(Math.abs((line as { loss: number }).loss / loss - 1)).toBeLessThan(1e-4);
  }
});

it("ends with a report of what holds how much where nothing helps", async () => {
  const run = trainHere(
    folder,
    "hopeless",
    { steps, batch: 2 },
    {
      spoil: ({ device }) => shortOfMemory(device.gpu, { refuses: (bytes, _, live) => live + bytes > 4e6 }),
    },
  );
  await expect(run).rejects.toThrow(OutOfMemoryError);
  await expect(run).rejects.toThrow(/memory: .* in arenas.*parameters/s);
});
