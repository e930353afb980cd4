// What this adapter can do at most, measured by three small kernels: multiply-adds in registers, a copy of memory, and a
// dispatch that does nothing. A ceiling is the best sample, the kernels' figures are medians. The other suites hold their kernels against these; nothing is taken from a data sheet.

import { foldGroups } from "../src/ops/launch.js";
import type { Gpu } from "../src/tensor/gpu.js";
import { time } from "./measure.js";

/** Ceilings of one adapter in one run. */
export interface Ceilings {
  /** Multiply-adds in registers, 10⁹ flops a second. */
  gflops: number;
  /** Bytes read and written by a copy, 10⁹ a second: the best of `copies`. */
  copyGBs: number;
  /** By size of what is copied: caches hold the small ones. */
  copies: { MiB: number; GBs: number }[];
  /** Microseconds that one more dispatch adds to a submission. */
  dispatchUs: number;
  /** Microseconds from recording one dispatch to knowing that it is done. */
  submitUs: number;
  /** Microseconds from recording one dispatch to having four bytes of its result. */
  readbackUs: number;
}

export async function measureCeilings(gpu: Gpu): Promise<Ceilings> {
  const { software } = gpu.device.capabilities;
  const gflops = await arithmetic(gpu, software ? 1 << 14 : 1 << 20, software ? 512 : 4096);
  const copies: Ceilings["copies"] = [];
  for (const MiB of software ? [2, 16, 64] : [2, 32, 256]) copies.push({ MiB, GBs: await copying(gpu, MiB) });
  const copyGBs = Math.max(...copies.map(({ GBs }) => GBs));
  return { gflops, copyGBs, copies, ...(await dispatching(gpu)) };
}

async function arithmetic(gpu: Gpu, invocations: number, rounds: number): Promise<number> {
  const { device } = gpu;
  const target = gpu.empty([invocations * 4]).keep();
  let best = 0;
  for (const FUSED of [false, true]) {
    const kernel = device.kernel("bench/fma", { FUSED });
    const { minEachMs } = await time(gpu, () => {
      device.run(kernel, [target.block], { rounds, a: 0.999, b: 0.001 }, [invocations / 64]);
    });
    best = Math.max(best, (64 * invocations * rounds) / minEachMs / 1e6);
  }
  target.dispose();
  return best;
}

async function copying(gpu: Gpu, mebibytes: number): Promise<number> {
  const { device } = gpu;
  const count = (mebibytes << 20) / 16;
  const [from, to] = [0, 1].map(() => gpu.zeros([count * 4]).keep());
  let best = 0;
  for (const EACH of [1, 4]) {
    const kernel = device.kernel("bench/copy", { EACH });
    const groups = foldGroups(Math.ceil(count / (64 * EACH)));
    const copy = () => device.run(kernel, [from.block, to.block], { count }, groups);
    const { minEachMs } = await time(gpu, copy, { samples: 5 });
    best = Math.max(best, (2 * 16 * count) / minEachMs / 1e6);
  }
  from.dispose();
  to.dispose();
  device.pool.trim();
  return best;
}

async function dispatching(gpu: Gpu): Promise<Pick<Ceilings, "dispatchUs" | "submitUs" | "readbackUs">> {
  const { device } = gpu;
  const target = gpu.empty([4]).keep();
  const kernel = device.kernel("bench/empty");
  const sample = async (work: () => Promise<unknown>) => {
    const times: number[] = [];
    for (let i = 0; i < 25; i++) {
      const start = performance.now();
      await work();
      times.push(1000 * (performance.now() - start));
    }
    return Math.min(...times);
  };
  const dispatch = (count: number) => {
    for (let i = 0; i < count; i++) device.run(kernel, [target.block], undefined, [1]);
  };
  const submitUs = await sample(() => {
    dispatch(1);
    return device.finish();
  });
  const manyUs = await sample(() => {
    dispatch(101);
    return device.finish();
  });
  const readbackUs = await sample(() => {
    dispatch(1);
    return device.read(target.block, 4);
  });
  target.dispose();
  return { dispatchUs: (manyUs - submitUs) / 100, submitUs, readbackUs };
}
