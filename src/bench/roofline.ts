// What this adapter can do at most, measured by three small kernels: multiply-adds in registers, a copy of memory, and a
// dispatch that does nothing. A ceiling is the best of many samples, taken before, between and after the cases of the same
// run, so that a ceiling and a case meet the same conditions; nothing is taken from a data sheet.
import type { Block } from "../gpu/buffers.js";
import { foldGroups } from "../ops/launch.js";
import type { Gpu } from "../tensor/gpu.js";
import type { Tensor } from "../tensor/tensor.js";

/** A copy of a size: `MiB` are read and written together. */
export interface CopyCeiling {
  MiB: number;
  GBs: number;
}

/** Ceilings of one adapter in one run. */
export interface Ceilings {
  /** Multiply-adds in registers, 10⁹ flops a second. */
  gflops: number;
  /** Bytes read and written by a copy, 10⁹ a second: the best of `copies`. */
  copyGBs: number;
  /** By how many bytes are touched: caches hold the small ones. */
  copies: CopyCeiling[];
  /** Microseconds that one more dispatch adds to a submission. */
  dispatchUs: number;
  /** Microseconds from recording one dispatch to knowing that it is done. */
  submitUs: number;
  /** Microseconds from recording one dispatch to having four bytes of its result. */
  readbackUs: number;
}

/** The copy's speed at the footprint nearest to `bytes`, by ratio. */
export function copyAt({ copies, copyGBs }: Pick<Ceilings, "copies" | "copyGBs">, bytes: number): number {
  return copies.length > 0 ? nearestOf(copies, bytes).GBs : copyGBs;
}

/** No size is slower than a larger one: where a sample says so, it was disturbed. From small to large. Pure. */
export function descending(copies: readonly CopyCeiling[]): CopyCeiling[] {
  return copies.map(({ MiB }, i) => ({ MiB, GBs: Math.max(...copies.slice(i).map(({ GBs }) => GBs)) }));
}

function nearestOf(copies: readonly CopyCeiling[], bytes: number): CopyCeiling {
  const distance = ({ MiB }: CopyCeiling) => Math.abs(Math.log(bytes / 2 ** 20 / MiB));
  return copies.reduce((best, each) => (distance(each) < distance(best) ? each : best));
}

const footprints = { software: [1, 4, 16, 64, 128], hardware: [4, 16, 64, 256, 512] };
/** vec4s that a workgroup of the copy takes; which is best depends on the adapter and the size. */
const spans = [64, 1024, 4096, 16384];
/** How long one sample of a ceiling should take. */
const sampleMs = 10;

/** Measures the ceilings again and again, and keeps the best. Dispose it to give its memory back. */
export class Roofline {
  private gflops = 0;
  private readonly copies: CopyCeiling[];
  private oneUs = Number.POSITIVE_INFINITY;
  private manyUs = Number.POSITIVE_INFINITY;
  private readbackUs = Number.POSITIVE_INFINITY;
  private readonly target: Tensor;
  private readonly from: Tensor;
  private readonly to: Tensor;
  private readonly invocations: number;
  private rounds: number;
  private fused = false;
  private readonly spans = new Map<number, number>();

  private constructor(private readonly gpu: Gpu) {
    const { software, maxBindingBytes } = gpu.device.capabilities;
    const most = (2 * maxBindingBytes) / 2 ** 20;
    const sizes = footprints[software ? "software" : "hardware"].filter((MiB) => MiB <= most);
    this.copies = sizes.map((MiB) => ({ MiB, GBs: 0 }));
    const floats = (sizes[sizes.length - 1] << 20) / 8;
    [this.from, this.to] = [0, 1].map(() => gpu.zeros([floats]).keep());
    this.invocations = software ? 1 << 14 : 1 << 20;
    this.rounds = software ? 256 : 1024;
    this.target = gpu.empty([this.invocations * 4]).keep();
  }

  /** A first measurement of everything; takes about a second. */
  static async open(gpu: Gpu): Promise<Roofline> {
    const roofline = new Roofline(gpu);
    await roofline.calibrate();
    await roofline.sampleAll();
    return roofline;
  }

  get ceilings(): Ceilings {
    const { gflops, oneUs, manyUs, readbackUs } = this;
    const copies = descending(this.copies);
    return {
      gflops,
      copyGBs: Math.max(...copies.map(({ GBs }) => GBs)),
      copies,
      dispatchUs: Math.max(0, manyUs - oneUs) / 100,
      submitUs: oneUs,
      readbackUs,
    };
  }

  /** Every ceiling, two samples each. */
  async sampleAll(): Promise<void> {
    for (let i = 0; i < 2; i++) {
      await this.arithmetic();
      for (const copy of this.copies) await this.copy(copy);
      await this.dispatching(8);
    }
  }

  /** One more sample of what bounds a case that touches so many bytes: multiply-adds, a copy of about its size, a dispatch. */
  async sample(bytes?: number): Promise<void> {
    await this.arithmetic();
    if (bytes !== undefined) {
      const { MiB } = nearestOf(this.copies, bytes);
      for (const copy of this.copies) {
        if (copy.MiB !== MiB) continue;
        await this.copy(copy);
        await this.copy(copy);
      }
    }
    await this.dispatching(2);
  }

  dispose(): void {
    for (const tensor of [this.target, this.from, this.to]) tensor.dispose();
    this.gpu.device.pool.trim();
  }

  /** Chooses how much work a sample holds, and which form of each kernel is the faster one here. */
  private async calibrate(): Promise<void> {
    const { gpu } = this;
    await gpu.device.finish();
    let best = Number.POSITIVE_INFINITY;
    for (const fused of [false, true]) {
      await this.timed(() => this.fma(fused)); // compiles
      for (let i = 0; i < 3; i++) {
        const ms = await this.timed(() => this.fma(fused));
        if (ms < best) [best, this.fused] = [ms, fused];
      }
    }
    this.rounds = Math.max(16, Math.min(1 << 16, Math.round((this.rounds * sampleMs) / best)));
    await this.timed(() => this.copyOnce(this.copies[0].MiB, spans[0])); // compiles
    for (const { MiB } of this.copies) {
      let fastest = Number.POSITIVE_INFINITY;
      for (let i = 0; i < 2; i++) {
        for (const span of spans) {
          const ms = await this.timed(() => this.copyOnce(MiB, span));
          if (ms < fastest) {
            fastest = ms;
            this.spans.set(MiB, span);
          }
        }
      }
    }
  }

  /** Milliseconds from recording to completion. */
  private async timed(record: () => void): Promise<number> {
    const start = performance.now();
    record();
    await this.gpu.device.finish();
    return performance.now() - start;
  }

  private fma(fused: boolean): void {
    const { device } = this.gpu;
    const params = { rounds: this.rounds, a: 0.999, b: 0.001 };
    device.run(device.kernel("bench/fma", { FUSED: fused }), [this.target.block], params, [
      this.invocations / 64,
    ]);
  }

  private async arithmetic(): Promise<void> {
    const calls = 2;
    const ms = await this.timed(() => {
      for (let i = 0; i < calls; i++) this.fma(this.fused);
    });
    this.gflops = Math.max(this.gflops, (64 * this.invocations * this.rounds * calls) / ms / 1e6);
  }

  private copyOnce(MiB: number, span: number): void {
    const { device } = this.gpu;
    const count = (MiB << 20) / 2 / 16;
    const blocks: Block[] = [this.from.block, this.to.block];
    device.run(device.kernel("bench/copy"), blocks, { count, span }, foldGroups(Math.ceil(count / span)));
  }

  private async copy(copy: CopyCeiling): Promise<void> {
    const calls = Math.max(1, Math.min(32, Math.floor(64 / copy.MiB)));
    const span = this.spans.get(copy.MiB) ?? spans[0];
    const ms = await this.timed(() => {
      for (let i = 0; i < calls; i++) this.copyOnce(copy.MiB, span);
    });
    copy.GBs = Math.max(copy.GBs, (calls * (copy.MiB << 20)) / ms / 1e6);
  }

  private async dispatching(samples: number): Promise<void> {
    const { device } = this.gpu;
    const kernel = device.kernel("bench/empty");
    const dispatch = (count: number) => {
      for (let i = 0; i < count; i++) device.run(kernel, [this.target.block], undefined, [1]);
    };
    for (let i = 0; i < samples; i++) {
      this.oneUs = Math.min(this.oneUs, 1000 * (await this.timed(() => dispatch(1))));
      this.manyUs = Math.min(this.manyUs, 1000 * (await this.timed(() => dispatch(101))));
      const start = performance.now();
      dispatch(1);
      await device.read(this.target.block, 4);
      this.readbackUs = Math.min(this.readbackUs, 1000 * (performance.now() - start));
    }
  }
}
