// `npm run bench:browser`: a training step of `demo` in a browser (Chromium, or what MELGRAD_BROWSER names) beside Node's on the same
// adapter, taking turns in one run: while one trains, the other waits. By the clock and, because other programs disturb that, by
// processor time. Then, in Chromium, what the page holds over many steps. Options: --rounds N, --steps N (of a turn), --slices (steps in
// slices, as the app takes them), --long N (steps of the memory's part, 500; 0 leaves it out).
import { cpus } from "node:os";
import { parseArgs } from "node:util";
import { open } from "../../src/node.js";
import { adapterBeside, browserKind } from "../../test/browser/browsers.js";
import { closeBrowser } from "../../test/browser/launch.js";
import { heapOf, processorTimeOf } from "./meters.js";
import { openTrainingPage } from "./open.js";
import { TrainingRun } from "./training.js";

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "8" },
    steps: { type: "string", default: "6" },
    slices: { type: "boolean", default: false },
    long: { type: "string", default: "500" },
  },
});
const [rounds, steps, long] = [values.rounds, values.steps, values.long].map(Number);
const other = browserKind === "firefox" ? "firefox" : "chromium";
const seed = 1;

const median = (list: readonly number[]) => {
  const sorted = [...list].sort((a, b) => a - b);
  return (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2;
};
const ms = (value: number) => `${value.toFixed(1)} ms`;

/** As web/worker/training.ts has it. */
const budgetMs = values.slices ? 12 : undefined;

const gpu = await open({ adapter: adapterBeside });
const node = new TrainingRun(gpu, { seed });
await node.trainer.prepare();
const opened = await openTrainingPage(process.cwd());
const { page } = opened;
try {
  const name = await page.evaluate((options) => trainingPage.start(options), { seed });
  console.log(
    `node:     ${gpu.host.name}, parameters by ${gpu.device.capabilities.immediates ? "immediates" : "uniform buffer"}`,
  );
  console.log(`${other}: ${name}; ${cpus()[0].model.trim()}, ${cpus().length} cores`);
  /** Milliseconds of a step: the clock's, and all processors' together. */
  const inNode = async () => {
    const before = process.cpuUsage();
    const clock = await node.time(steps, budgetMs);
    const { user, system } = process.cpuUsage(before);
    return { clock, processors: (user + system) / 1000 / steps };
  };
  const inPage = async () => {
    const before = await processorTimeOf(page);
    const clock = await page.evaluate(([count, budget]) => trainingPage.current().time(count, budget), [
      steps,
      budgetMs,
    ] as const);
    return { clock, processors: ((await processorTimeOf(page)) - before) / steps };
  };
  await inNode();
  await inPage();
  const turns: { node: Awaited<ReturnType<typeof inNode>>; page: Awaited<ReturnType<typeof inPage>> }[] = [];
  for (let round = 0; round < rounds; round++) {
    // Whoever comes first in a round comes second in the next.
    const first = round % 2 === 0 ? await inNode() : undefined;
    const own = await inPage();
    const turn = { node: first ?? (await inNode()), page: own };
    turns.push(turn);
    const told = (side: "node" | "page") =>
      `${side === "node" ? side : other} ${ms(turn[side].clock)} (${ms(turn[side].processors)} of processors)`;
    console.log(`round ${round + 1}: ${told("node")}, ${told("page")} a step`);
  }
  for (const measure of ["clock", "processors"] as const) {
    const of = (side: "node" | "page") => turns.map((turn) => turn[side][measure]);
    const ratios = turns.map((turn) => turn.page[measure] / turn.node[measure]);
    console.log(
      `${measure}: medians node ${ms(median(of("node")))}, ${other} ${ms(median(of("page")))}; ratio of a round ` +
        `${median(ratios).toFixed(2)} (${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)}), ` +
        `of the best turns ${(Math.min(...of("page")) / Math.min(...of("node"))).toFixed(2)}`,
    );
  }
  const submitting = [
    await node.timeSubmitting(10),
    await page.evaluate(() => trainingPage.current().timeSubmitting(10)),
  ];
  console.log(`JavaScript's part of a step: node ${ms(submitting[0])}, ${other} ${ms(submitting[1])}`);

  if (long > 0 && other === "chromium") {
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
