// `npm run bench:browser`: a training step of `demo` in Chromium beside Node's on the same adapter, taking turns in one run: while one
// trains, the other waits. By the clock and, because other programs disturb that, by processor time. Then what the page holds over
// many steps. Options: --rounds N, --steps N (of a turn), --long N (steps of the memory's part, 500; 0 leaves it out).
import { cpus } from "node:os";
import { parseArgs } from "node:util";
import { open } from "../../src/node.js";
import { closeBrowser } from "../../test/browser/launch.js";
import { heapOf, processorTimeOf } from "./meters.js";
import { openTrainingPage } from "./open.js";
import { TrainingRun } from "./training.js";

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "8" },
    steps: { type: "string", default: "6" },
    long: { type: "string", default: "500" },
  },
});
const [rounds, steps, long] = [values.rounds, values.steps, values.long].map(Number);
const seed = 1;

const median = (list: readonly number[]) => {
  const sorted = [...list].sort((a, b) => a - b);
  return (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2;
};
const ms = (value: number) => `${value.toFixed(1)} ms`;

const gpu = await open({ adapter: "embedded" });
const node = new TrainingRun(gpu, { seed });
await node.trainer.prepare();
const opened = await openTrainingPage(process.cwd());
const { page } = opened;
try {
  const name = await page.evaluate((options) => trainingPage.start(options), { seed });
  console.log(
    `node:     ${gpu.host.name}, parameters by ${gpu.device.capabilities.immediates ? "immediates" : "uniform buffer"}`,
  );
  console.log(`chromium: ${name}; ${cpus()[0].model.trim()}, ${cpus().length} cores`);
  /** Milliseconds of a step: the clock's, and all processors' together. */
  const inNode = async () => {
    const before = process.cpuUsage();
    const clock = await node.time(steps);
    const { user, system } = process.cpuUsage(before);
    return { clock, processors: (user + system) / 1000 / steps };
  };
  const inPage = async () => {
    const before = await processorTimeOf(page);
    const clock = await page.evaluate((count) => trainingPage.current().time(count), steps);
    return { clock, processors: ((await processorTimeOf(page)) - before) / steps };
  };
  await inNode();
  await inPage();
  const turns: { node: Awaited<ReturnType<typeof inNode>>; chromium: Awaited<ReturnType<typeof inPage>> }[] =
    [];
  for (let round = 0; round < rounds; round++) {
    // Whoever comes first in a round comes second in the next.
    const first = round % 2 === 0 ? await inNode() : undefined;
    const chromium = await inPage();
    const turn = { node: first ?? (await inNode()), chromium };
    turns.push(turn);
    const told = (side: "node" | "chromium") =>
      `${side} ${ms(turn[side].clock)} (${ms(turn[side].processors)} of processors)`;
    console.log(`round ${round + 1}: ${told("node")}, ${told("chromium")} a step`);
  }
  for (const measure of ["clock", "processors"] as const) {
    const of = (side: "node" | "chromium") => turns.map((turn) => turn[side][measure]);
    const ratios = turns.map((turn) => turn.chromium[measure] / turn.node[measure]);
    console.log(
      `${measure}: medians node ${ms(median(of("node")))}, chromium ${ms(median(of("chromium")))}; ratio of a round ` +
        `${median(ratios).toFixed(2)} (${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)}), ` +
        `of the best turns ${(Math.min(...of("chromium")) / Math.min(...of("node"))).toFixed(2)}`,
    );
  }
  const submitting = [
    await node.timeSubmitting(10),
    await page.evaluate(() => trainingPage.current().timeSubmitting(10)),
  ];
  console.log(`JavaScript's part of a step: node ${ms(submitting[0])}, chromium ${ms(submitting[1])}`);

  if (long > 0) {
    console.log(`memory in the page over ${long} steps:`);
    const part = Math.ceil(long / 5);
    for (let done = 0; done <= long; done += part) {
      if (done > 0) await page.evaluate((count) => trainingPage.current().steps(count), part);
      const held = await page.evaluate(() => trainingPage.current().held());
      const heap = await heapOf(page);
      const total = held.tensors + held.arenas + held.free;
      console.log(
        `  ${done} steps: JavaScript heap ${(heap / 1e6).toFixed(2)} MB, GPU ${(total / 1e6).toFixed(2)} MB`,
      );
    }
  }
  if (opened.errors.length > 0) console.log(opened.errors.join("\n"));
} finally {
  await opened.close();
  await closeBrowser();
  node.trainer.dispose();
  gpu.close();
}
