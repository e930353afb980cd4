// capture(): a function of tensors that is run once in record mode and from then on replayed: the same kernels with the same
// parameters in the same memory, without the JavaScript that chose them. Not here: the recorded program (gpu/program.ts).
import { ShapeError } from "../gpu/errors.js";
import type { Program, ProgramReport } from "../gpu/program.js";
import type { Gpu } from "./gpu.js";
import { formatShape } from "./shape.js";
import { Tensor } from "./tensor.js";

/** Inputs by name. */
export type Inputs = Readonly<Record<string, Tensor>>;

/** How a captured function is kept and submitted. */
export interface CaptureOptions {
  /** Names the program's memory in reports. Default "captured". */
  label?: string;
  /** Programs kept, one for each combination of input shapes; the least recently used goes first. Default 8. */
  programs?: number;
  /**
   * A run is cut into submissions of about that many milliseconds, so that a slow adapter stays responsive and no system takes
   * it back; how long a run takes is measured now and then, and until then every dispatch is a submission. Default 75 on
   * hardware, Infinity (one submission) on software adapters.
   */
  budgetMs?: number;
}

/** How a run is divided (`Captured.inSlices`). */
export interface Slicing {
  /** Milliseconds on the device. */
  budgetMs: number;
  /** Awaited before every submission: other work may be done here. */
  between(): Promise<void>;
}

/** A captured function. */
export interface Captured<I extends Inputs, R> {
  /**
   * Runs the function on these inputs. The results are tensors over the program's own memory: the next call with inputs of
   * the same shapes overwrites them, so read or copy them before it. Numbers among the results are those of the recording.
   */
  (inputs: I): R;
  /**
   * The same, in submissions of about `budgetMs` milliseconds of which only a few wait on the device, with `between` awaited
   * before each: so a page's own work, and other work on this device, gets its turn while a long program runs. Resolves when
   * all is submitted; until then inputs and what the program writes to must be left alone. One run at a time.
   */
  inSlices(inputs: I, slicing: Slicing): Promise<R>;
  /**
   * Records the program for inputs of these shapes, compiles its kernels side by side and makes its memory, without running
   * it: the first call is then as fast as the others.
   */
  prepare(inputs: I): Promise<void>;
  /** Records the program for inputs of these shapes and tells what it will need; no memory is taken and nothing is compiled. */
  plan(inputs: I): ProgramReport;
  /** The programs at hand. */
  reports(): ProgramReport[];
  /** Gives all programs' memory back, and with it every result. */
  dispose(): void;
}

interface Entry<R> {
  program: Program;
  inputs: Map<string, Tensor>;
  result: R;
  runs: number;
}

/** Milliseconds of a submission on hardware, which systems reset after about two seconds of one. */
const submissionMs = 75;

/** Runs between two looks at how long one takes. */
const calibrateEvery = 32;

/**
 * Turns `step` into a program that is recorded at the first call and replayed, bit for bit, at every other one; inputs of other
 * shapes get a program of their own, so pad lengths that vary to a few (`bucketOf`).
 *
 * `step` must do the same at every call: it may not read values back, nor write to tensors from outside except by operations.
 * What it reads from JavaScript (numbers, uploads, random draws) is frozen, but for `gpu.scalars()` and what is built on it,
 * such as an optimiser's step count and a learning rate given as a function. Tensors that it uses without getting them as
 * inputs, such as parameters, are used in place and must outlive the program.
 */
export function capture<I extends Inputs, R>(
  gpu: Gpu,
  step: (inputs: I) => R,
  options: CaptureOptions = {},
): Captured<I, R> {
  const { label = "captured", programs = 8 } = options;
  const { software } = gpu.device.capabilities;
  const { budgetMs = software ? Number.POSITIVE_INFINITY : submissionMs } = options;
  const cut = Number.isFinite(budgetMs);
  const entries = new Map<string, Entry<R>>();

  const entryFor = (inputs: I): Entry<R> => {
    const key = signature(inputs);
    let entry = entries.get(key);
    if (entry) {
      entries.delete(key); // and again at the end: the most recently used one
    } else {
      entry = record(inputs);
    }
    entries.set(key, entry);
    if (entries.size > programs) {
      const [oldest] = entries.keys();
      entries.get(oldest)?.program.dispose();
      entries.delete(oldest);
    }
    return entry;
  };

  const record = (inputs: I): Entry<R> => {
    const own = new Map<string, Tensor>();
    const { result, program } = gpu.device.record(() => {
      for (const [name, { shape, dtype, requiresGrad }] of Object.entries(inputs)) {
        own.set(name, gpu.empty(shape, { dtype, requiresGrad }).keep());
      }
      return gpu.scope(() => step(Object.fromEntries(own) as I));
    }, label);
    mapTensors(result, (tensor) => tensor.keep());
    if (cut) program.submitEvery = 1; // until it has been timed
    return { program, inputs: own, result, runs: 0 };
  };

  /** The program for these inputs, which are copied into its own. */
  const load = (inputs: I): Entry<R> => {
    const entry = entryFor(inputs);
    entry.program.build();
    for (const [name, tensor] of entry.inputs) {
      gpu.device.copy(inputs[name].block, tensor.block, tensor.byteLength);
    }
    return entry;
  };

  const resultOf = ({ result }: Entry<R>) => mapTensors(result, (tensor) => tensor.alias()) as R;

  const run = (inputs: I): R => {
    const entry = load(inputs);
    entry.program.replay();
    if (cut && entry.runs++ % calibrateEvery === 0) calibrate(gpu, entry.program, budgetMs);
    return resultOf(entry);
  };

  return Object.assign(run, {
    async inSlices(inputs: I, slicing: Slicing): Promise<R> {
      const entry = load(inputs);
      await entry.program.replayInSlices(slicing.budgetMs, () => slicing.between());
      return resultOf(entry);
    },
    prepare: (inputs: I) => entryFor(inputs).program.prepare(),
    plan: (inputs: I) => entryFor(inputs).program.report(),
    reports: () => [...entries.values()].map(({ program }) => program.report()),
    dispose() {
      for (const { program } of entries.values()) program.dispose();
      entries.clear();
    },
  });
}

/**
 * The smallest of 1, 2, 3, 4, 6, 8, 12, 16, 24, … that is at least `length`: what to pad a varying length to, so that a captured
 * function needs few programs. At most half of it is padding.
 */
export function bucketOf(length: number): number {
  if (!(length >= 1)) throw new ShapeError(`bucketOf: a length is at least 1, not ${length}.`);
  const power = 2 ** Math.ceil(Math.log2(length));
  return length <= 0.75 * power && power >= 4 ? 0.75 * power : power;
}

/** Sets how many dispatches of a program fill the budget, once the run that was just recorded has been timed. */
function calibrate({ device }: Gpu, program: Program, budgetMs: number): void {
  device.flush();
  const start = performance.now();
  device.gpu.queue.onSubmittedWorkDone().then(
    () => {
      const { dispatches } = program.report();
      const each = (performance.now() - start) / dispatches;
      program.submitEvery = Math.max(1, Math.min(dispatches, Math.round(budgetMs / each)));
    },
    () => {}, // a lost device is reported by the next readback
  );
}

function signature(inputs: Inputs): string {
  return Object.entries(inputs)
    .map(
      ([name, { shape, dtype, requiresGrad }]) =>
        `${name}:${dtype}${formatShape(shape)}${requiresGrad ? "+" : ""}`,
    )
    .join();
}

/** The same structure with every tensor replaced; arrays and plain objects are walked. */
function mapTensors(value: unknown, replace: (tensor: Tensor) => unknown, depth = 0): unknown {
  if (value instanceof Tensor) return replace(value);
  if (depth >= 4 || value === null || typeof value !== "object") return value;
  if (Array.isArray(value)) return value.map((item) => mapTensors(item, replace, depth + 1));
  if (Object.getPrototypeOf(value) !== Object.prototype) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => [name, mapTensors(item, replace, depth + 1)]),
  );
}
