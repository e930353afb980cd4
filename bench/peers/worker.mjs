// The process of one library: it opens its own device and does what the parent (side.mjs) asks, one request at a time.
// Requests are { id, method, given }, answers { id, result } or { id, error }.
import { findCase } from "./cases/index.mjs";

const sides = {
  melgrad: () => import("./sides/melgrad.mjs"),
  "jax-js": () => import("./sides/jax-js.mjs"),
  tfjs: () => import("./sides/tfjs.mjs"),
};

let side;
/** The case at hand: its inputs on the device, and the ways that were started, by name. */
let current;

const methods = {
  async open({ name, adapter }) {
    const { open } = await sides[name]();
    side = await open({ adapter });
    const { version, adapter: found } = side;
    return { version, adapter: found };
  },

  /** Uploads a case's inputs; the answer names the ways there are. */
  prepare({ name }) {
    const found = findCase(name);
    const ways = found.train ? side.train : side.ways[found.op];
    const inputs = found.train ? [] : found.inputs().map(side.upload);
    current = { found, ways, inputs, jobs: new Map() };
    return { ways: Object.keys(ways) };
  },

  /** The first call of a way, with compilation. `at` lists, for each output, the positions whose values are wanted. */
  async first({ way, at }) {
    const { found, ways, inputs, jobs } = current;
    const job = await ways[way](inputs, found.options ?? {});
    jobs.set(way, job);
    const { result, ...times } = await timed(job);
    if (found.train) return { ...times, loss: result };
    const read = [];
    for (const output of result) read.push(await side.read(output));
    side.free(result);
    const arrays = job.inspect ? await job.inspect(read) : read;
    return { ...times, values: at.map((positions, i) => positions.map((position) => arrays[i][position])) };
  },

  /** One timed call. For a training step the answer holds the loss too. */
  async timed({ way }) {
    const { result, ...times } = await timed(current.jobs.get(way));
    if (current.found.train) return { ...times, loss: result };
    side.free(result);
    return times;
  },

  /** Seconds of processor time of the whole process so far. */
  used() {
    const { user, system } = process.cpuUsage();
    return { cpuSeconds: (user + system) / 1e6 };
  },

  /** Lets go of one way. */
  drop({ way }) {
    current.jobs.get(way)?.dispose?.();
    current.jobs.delete(way);
  },

  /** Lets go of the case. */
  finish() {
    for (const job of current.jobs.values()) job.dispose?.();
    side.free(current.inputs);
    current = undefined;
    globalThis.gc?.();
  },

  close() {
    side?.close();
    setImmediate(() => process.exit(0));
  },
};

/** Milliseconds of the clock and of processors (all threads: a software adapter's too) until an element was read back. */
async function timed(job) {
  const cpuBefore = process.cpuUsage();
  const start = performance.now();
  const result = job.step ? await job.step() : await job.run();
  if (!job.step) await side.settle(result);
  const ms = performance.now() - start;
  const { user, system } = process.cpuUsage(cpuBefore);
  return { ms, cpuMs: (user + system) / 1000, result };
}

process.on("message", async ({ id, method, given }) => {
  try {
    process.send({ id, result: await methods[method](given) });
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    process.send({ id, error: text.split("\n")[0].slice(0, 300) });
  }
});
// Ctrl-C reaches every process of the terminal; when to stop is the parent's decision.
process.on("SIGINT", () => {});
process.on("disconnect", () => process.exit(0));
