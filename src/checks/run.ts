// Checks the kernels that some work will really use, on the adapter at hand, and keeps the verdicts with the tuner's tables: each
// kernel once for an adapter, a driver and a shader's text. A kernel that computes wrongly is not taken again; the work is then
// recorded anew, and what it takes instead is checked too, until all of it is right or nothing is left to take. All checks of a
// round are recorded together and read back once, because a readback takes 100 ms in some browsers.
import type { Block } from "../gpu/buffers.js";
import { DeviceLostError } from "../gpu/errors.js";
import type { Kernel } from "../gpu/pipelines.js";
import type { Program } from "../gpu/program.js";
import type { Gpu } from "../tensor/gpu.js";
import { fromHalf } from "../tensor/half.js";
import { Random } from "../tensor/random.js";
import type { Bound, CheckTable, KernelUse, Numbers, Trial } from "./check.js";

/** A kernel that computes wrongly here. */
export interface WrongKernel {
  /** The shader with its defines. */
  key: string;
  /** How it showed. */
  reason: string;
  /** Whether the work now does without it. */
  avoided: boolean;
}

/** What was found of the kernels that some work uses. */
export interface CheckedWork {
  /** Kernels that were checked now, those known before not counted. */
  checked: number;
  /** Kernels that the work uses, as it is now. */
  used: number;
  /** Milliseconds that it took. */
  ms: number;
  /** Of the kernels checked now and of those that the work still uses. */
  wrong: WrongKernel[];
  /** Kernels without a check. */
  unchecked: string[];
}

const uncheckable = "cannot be checked";

/** Rounds of checking and taking other kernels. Families have fewer kernels than this. */
const mostRounds = 16;

/**
 * Checks every kernel that `work` asks for and no verdict is known of. `work` is recorded, not run; call this before it is
 * captured, because a recorded program keeps the kernels that it was recorded with.
 */
export async function checkWork(
  gpu: Gpu,
  table: CheckTable,
  work: () => void,
  seed = 1,
): Promise<CheckedWork> {
  const start = performance.now();
  const { verdicts } = gpu.device.tuner;
  const found = new Map<string, string>();
  const unchecked = new Set<string>();
  let checked = 0;
  let uses = usesOf(gpu, work);
  for (let round = 0; round < mostRounds; round++) {
    for (const { key, shader } of uses.keys()) if (!table[shader]) unchecked.add(key);
    const open = [...uses].filter(([{ key, shader }]) => !unchecked.has(key) && !verdicts.knows(shader, key));
    if (open.length === 0) break;
    const reasons = await checkKernels(gpu, table, new Map(open), seed + round);
    for (const [{ shader, key }, reason] of reasons) {
      if (reason?.startsWith(uncheckable)) {
        unchecked.add(key); // our own fault, and no verdict on the kernel
        continue;
      }
      verdicts.judge(shader, key, reason);
      if (reason !== undefined) found.set(key, reason);
    }
    checked += open.length;
    if (found.size > 0) uses = usesOf(gpu, work);
  }
  if (checked > 0) await gpu.device.tuner.save();
  for (const { key } of uses.keys()) {
    const reason = verdicts.wrong(key);
    if (reason !== undefined) found.set(key, reason);
  }
  const still = new Set([...uses.keys()].map(({ key }) => key));
  return {
    checked,
    used: uses.size,
    ms: performance.now() - start,
    wrong: [...found].map(([key, reason]) => ({ key, reason, avoided: !still.has(key) })),
    unchecked: [...unchecked],
  };
}

/** The kernels of some work, which is recorded to find out: tens of milliseconds, and nothing is compiled. */
export function usesOf(gpu: Gpu, work: () => void): Map<KernelUse, Kernel> {
  const { program } = gpu.device.record(() => gpu.scope(() => void work()), "what is to be checked");
  const uses = kernelsOf(program);
  program.dispose();
  return uses;
}

function kernelsOf(program: Program): Map<KernelUse, Kernel> {
  const uses = new Map<KernelUse, Kernel>();
  const seen = new Set<Kernel>();
  for (const command of program.recording.commands) {
    if (command.kind !== "run" || seen.has(command.kernel)) continue;
    const { kernel, words } = command;
    seen.add(kernel);
    const views = { u32: words, i32: new Int32Array(words.buffer), f32: new Float32Array(words.buffer) };
    const params = Object.fromEntries(kernel.params.map(({ name, type }, i) => [name, views[type][i]]));
    uses.set({ shader: kernel.name, key: kernel.key, defines: kernel.defines, params }, kernel);
  }
  return uses;
}

/** What is wrong with each of these kernels; undefined where nothing is. */
export async function checkKernels(
  gpu: Gpu,
  table: CheckTable,
  uses: ReadonlyMap<KernelUse, Kernel>,
  seed: number,
): Promise<Map<KernelUse, string | undefined>> {
  const { device } = gpu;
  const all: Prepared[] = [];
  const reasons = new Map<KernelUse, string | undefined>();
  [...uses].forEach(([use, kernel], i) => {
    try {
      all.push({ use, kernel, trials: table[use.shader](use, new Random(seed, i)) });
    } catch (error) {
      reasons.set(use, `${uncheckable}: ${(error as Error).message}`);
    }
  });
  try {
    const found = await device.attempt(async () => {
      await Promise.all(all.map(({ kernel }) => kernel.compile()));
      return runTrials(gpu, all);
    });
    return new Map([...reasons, ...found]);
  } catch (error) {
    if (error instanceof DeviceLostError) throw error;
  }
  // The driver refuses one of them: each by itself tells which.
  for (const each of all) {
    try {
      const [[use, reason]] = await device.attempt(() => runTrials(gpu, [each]));
      reasons.set(use, reason);
    } catch (error) {
      if (error instanceof DeviceLostError) throw error;
      reasons.set(
        each.use,
        `refused: ${String((error as Error).message)
          .split("\n")
          .slice(0, 2)
          .join(" ")}`,
      );
    }
  }
  return reasons;
}

interface Prepared {
  use: KernelUse;
  kernel: Kernel;
  trials: Trial[];
}

async function runTrials(
  { device }: Gpu,
  all: readonly Prepared[],
): Promise<[KernelUse, string | undefined][]> {
  const blocks: Block[] = [];
  const looked: { at: number; bound: Bound; place: number; block: Block }[] = [];
  try {
    all.forEach(({ kernel, trials }, at) => {
      for (const { params, groups, bound } of trials) {
        const own = bound.map((each, place) => {
          const block = device.pool.acquire(Math.max(4, each.start.byteLength));
          blocks.push(block);
          device.write(block, padded(each.start, block.bindingSize / 4));
          if (each.expected) looked.push({ at, bound: each, place, block });
          return block;
        });
        device.run(kernel, own, params, groups);
      }
    });
    const parts = looked.map(({ block, bound }) => ({ block, byteLength: bound.start.byteLength }));
    const bytes = await device.readMany(parts);
    const reasons = all.map(({ use }): [KernelUse, string | undefined] => [use, undefined]);
    looked.forEach(({ at, bound, place }, i) => {
      reasons[at][1] ??= difference(bytes[i], bound, place);
    });
    return reasons;
  } finally {
    for (const block of blocks) device.pool.release(block);
  }
}

/** To whole vec4s; what is added must not matter. */
function padded(data: Numbers, length: number): Numbers {
  if (data.length === length) return data;
  const whole =
    data instanceof Float32Array
      ? new Float32Array(length).fill(Number.NaN)
      : data instanceof Int32Array
        ? new Int32Array(length)
        : new Uint32Array(length);
  whole.set(data);
  return whole;
}

/** The first result that is not as expected. A NaN never is. */
function difference(bytes: ArrayBuffer, bound: Bound, place: number): string | undefined {
  const { start, expected = [], tolerance = 1e-4 } = bound;
  const float = start instanceof Float32Array || bound.half === true;
  const got = bound.half
    ? fromHalf(new Uint16Array(bytes))
    : float
      ? new Float32Array(bytes)
      : start instanceof Int32Array
        ? new Int32Array(bytes)
        : new Uint32Array(bytes);
  for (let i = 0; i < expected.length; i++) {
    const want = expected[i];
    if (Number.isNaN(want) || got[i] === want) continue;
    const error = Math.abs(got[i] - want);
    if (float && error <= tolerance * (1 + Math.abs(want))) continue;
    return `result ${i} of binding ${place} is ${got[i]}, not ${Number(want.toPrecision(7))}`;
  }
  return undefined;
}
