// Where a step's time goes: every dispatch of a recorded program timed by itself, and the times gathered by kernel. Timestamp
// queries where the adapter has them; elsewhere each dispatch is submitted alone and waited for. Either way every dispatch
// stands alone, so that the sum is more than a step takes: it tells kernels apart, not how fast a step is.
import { Profiler } from "../gpu/profiler.js";
import type { Prepared, Program } from "../gpu/program.js";
import { median } from "../ops/tuning.js";
import type { Gpu } from "../tensor/gpu.js";
import { dispatchFlops } from "./flops.js";

export type ProfileMethod = "timestamps" | "alone";

/** One dispatch of a program. */
export interface DispatchTime {
  /** The shader's name with its defines, `name|A=1|B=2`. */
  key: string;
  ms: number;
  /** Bytes of the memory that is bound; what the kernel touches at most, if each once. */
  bytes: number;
  /** Where the shader's name and parameters tell. */
  flops?: number;
  /** The parameters that tell a product's size. */
  shape?: string;
}

/** A kernel's part of a program. */
export interface KernelShare {
  name: string;
  key: string;
  count: number;
  ms: number;
  /** Of all dispatches' time. */
  share: number;
  gflops?: number;
  gbs?: number;
  /** Products by size. */
  shapes?: { shape: string; count: number; ms: number; gflops: number }[];
}

export interface StepProfile {
  method: ProfileMethod;
  dispatches: number;
  /** Sum of all dispatches. */
  ms: number;
  kernels: KernelShare[];
}

/** Runs a program several times and takes each dispatch's median. The program's effects happen as often as it is run. */
export async function profileProgram(
  gpu: Gpu,
  program: Program,
  { runs = 3, method }: { runs?: number; method?: ProfileMethod } = {},
): Promise<StepProfile> {
  const { timestamps } = gpu.device.capabilities;
  const chosen = method ?? (timestamps ? "timestamps" : "alone");
  await program.prepare();
  for (let i = 0; i < 2; i++) program.replay();
  await gpu.device.finish();
  const samples: number[][] = [];
  for (let i = 0; i < runs; i++) {
    samples.push(chosen === "timestamps" ? await byTimestamps(gpu, program) : await oneByOne(gpu, program));
  }
  const commands = program.recording.commands.filter((command) => command.kind === "run");
  // Of a very long program only as many dispatches as a query set holds.
  const times = commands.slice(0, samples[0].length).map(({ kernel, blocks, words }, i): DispatchTime => {
    const params: Record<string, number> = {};
    const floats = new Float32Array(words.buffer, words.byteOffset, words.length);
    kernel.params.forEach(({ name, type }, at) => {
      params[name] = type === "f32" ? floats[at] : words[at];
    });
    const flops = dispatchFlops(kernel.name, params, definesOf(kernel.key));
    return {
      key: kernel.key,
      ms: median(samples.map((sample) => sample[i])),
      bytes: [...new Set(blocks)].reduce((sum, block) => sum + block.byteLength, 0),
      flops,
      shape: flops === undefined ? undefined : shapeOf(params),
    };
  });
  return { method: chosen, ...aggregate(times) };
}

/** Times by kernel, longest first. Pure. */
export function aggregate(times: readonly DispatchTime[]): Omit<StepProfile, "method"> {
  const total = times.reduce((sum, { ms }) => sum + ms, 0);
  const byKey = groupBy(times, ({ key }) => key);
  const names = shortNames([...byKey.keys()]);
  const kernels = [...byKey].map(([key, group]): KernelShare => {
    const ms = sum(group, "ms");
    const kernel: KernelShare = {
      name: names.get(key) ?? key,
      key,
      count: group.length,
      ms,
      share: total > 0 ? ms / total : 0,
    };
    if (group.every(({ flops }) => flops !== undefined)) {
      kernel.gflops = rate(sum(group, "flops"), ms);
      const shapes = groupBy(group, ({ shape }) => shape ?? "");
      kernel.shapes = [...shapes]
        .map(([shape, same]) => {
          const spent = sum(same, "ms");
          return { shape, count: same.length, ms: spent, gflops: rate(sum(same, "flops"), spent) };
        })
        .sort((a, b) => b.ms - a.ms);
    } else {
      kernel.gbs = rate(sum(group, "bytes"), ms);
    }
    return kernel;
  });
  return { dispatches: times.length, ms: total, kernels: kernels.sort((a, b) => b.ms - a.ms) };
}

/**
 * A name for each kernel that tells it from the others: the shader's, and those of its defines that differ among its kernels
 * here. A define that is true stands alone, one that is false or 0 is left out. A generated kernel, which has its expression
 * among its defines, is named by that. Pure.
 */
export function shortNames(keys: readonly string[]): Map<string, string> {
  const names = new Map<string, string>();
  for (const [shader, same] of groupBy(keys, (key) => key.split("|")[0])) {
    const all = same.map(definesOf).map(withoutPlumbing);
    const differing = [...new Set(all.flatMap(Object.keys))].filter(
      (name) => new Set(all.map((defines) => defines[name])).size > 1,
    );
    same.forEach((key, i) => {
      const words = differing.flatMap((name) => {
        const value = all[i][name];
        if (value === undefined || value === "false" || value === "0") return [];
        return value === "true" ? [name] : [`${name}=${value}`];
      });
      const name = [shader, ...words].join(" ");
      names.set(key, name.length > longest ? `${name.slice(0, longest - 1)}…` : name);
    });
  }
  return names;
}

const longest = 78;

/** Of a generated kernel (elementwise/program), the results' expressions alone. */
function withoutPlumbing(defines: Record<string, string>): Record<string, string> {
  if (defines.RESULT0 === undefined) return defines;
  return Object.fromEntries(Object.entries(defines).filter(([name]) => name.startsWith("RESULT")));
}

/** The defines of a kernel's key. */
export function definesOf(key: string): Record<string, string> {
  const pairs = key.split("|").slice(1);
  return Object.fromEntries(
    pairs.map((pair) => {
      const at = pair.indexOf("=");
      return [pair.slice(0, at), pair.slice(at + 1)];
    }),
  );
}

function shapeOf({ m, n, k, batch, pairs, tq, tk }: Record<string, number>): string {
  if (m !== undefined) return `${batch > 1 ? `${batch}×` : ""}${m}×${k}×${n}`;
  return `${pairs}×${tq}×${tk}`;
}

async function byTimestamps(gpu: Gpu, program: Program): Promise<number[]> {
  const { device } = gpu;
  const profiler = new Profiler(device.gpu);
  device.profiler = profiler;
  try {
    program.replay();
    device.flush();
    return (await profiler.times()).map(({ milliseconds }) => milliseconds);
  } finally {
    device.profiler = undefined;
    profiler.dispose();
  }
}

/** Submits each command alone, in order; an empty submission's time is taken off. */
async function oneByOne(gpu: Gpu, program: Program): Promise<number[]> {
  const { device } = gpu;
  await device.finish();
  const submit = async (encode: (encoder: GPUCommandEncoder) => void) => {
    const encoder = device.gpu.createCommandEncoder();
    encode(encoder);
    const start = performance.now();
    device.gpu.queue.submit([encoder.finish()]);
    await device.gpu.queue.onSubmittedWorkDone();
    return performance.now() - start;
  };
  const empty: number[] = [];
  for (let i = 0; i < 15; i++) {
    empty.push(await submit((encoder) => encoder.beginComputePass().end()));
  }
  const floor = median(empty);
  const times: number[] = [];
  for (const command of program.build()) {
    const ms = await submit((encoder) => encodeCommand(encoder, command));
    if (command.kind === "run") times.push(Math.max(0, ms - floor));
  }
  return times;
}

function encodeCommand(encoder: GPUCommandEncoder, command: Prepared): void {
  if (command.kind === "run") {
    const { pipeline, group, words, dynamicOffset, x, y, z } = command;
    const pass = encoder.beginComputePass();
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, group, dynamicOffset);
    if (!dynamicOffset && words.length > 0) {
      (pass as ImmediatePass).setImmediates(0, words, 0, words.length);
    }
    pass.dispatchWorkgroups(x, y, z);
    pass.end();
  } else if (command.kind === "clear") {
    const { buffer, offset, bindingSize } = command.block;
    encoder.clearBuffer(buffer, offset, bindingSize);
  } else {
    const { from, to, byteLength } = command;
    encoder.copyBufferToBuffer(from.buffer, from.offset, to.buffer, to.offset, byteLength);
  }
}

/** `setImmediates` is newer than the published types. */
interface ImmediatePass {
  setImmediates(offset: number, data: Uint32Array, dataOffset: number, size: number): void;
}

function sum(times: readonly DispatchTime[], field: "ms" | "flops" | "bytes"): number {
  return times.reduce((total, each) => total + (each[field] ?? 0), 0);
}

function rate(amount: number, ms: number): number {
  return ms > 0 ? amount / ms / 1e6 : 0;
}

function groupBy<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const key = keyOf(item);
    const group = groups.get(key);
    if (group) group.push(item);
    else groups.set(key, [item]);
  }
  return groups;
}
