// Times each dispatch by timestamp queries: while a profiler is attached to a device, every dispatch gets a compute pass
// of its own with a timestamp at either end. That costs more than it measures of launch overhead, so profile to compare
// kernels, not to time a step.
import { MelgradError } from "./errors.js";

/** Time spent in one kernel, over all its dispatches. */
export interface KernelTime {
  /** Shader and defines. */
  name: string;
  dispatches: number;
  milliseconds: number;
}

const capacity = 2048; // dispatches; a query set holds at most 4096 timestamps
const QUERY_RESOLVE = 0x200;
const COPY_SRC = 4;
const COPY_DST = 8;
const MAP_READ = 1;

/** Times each dispatch while it is attached to a device. */
export class Profiler {
  private readonly queries: GPUQuerySet;
  private names: string[] = [];
  /** Dispatches beyond what the query set holds. */
  dropped = 0;

  constructor(private readonly device: GPUDevice) {
    if (!device.features.has("timestamp-query")) {
      throw new MelgradError("This adapter has no timestamp queries, so kernels cannot be profiled on it.");
    }
    this.queries = device.createQuerySet({ type: "timestamp", count: 2 * capacity });
  }

  /** The pass descriptor for the next dispatch. */
  pass(name: string): GPUComputePassDescriptor {
    const i = this.names.length;
    if (i >= capacity) {
      this.dropped++;
      return {};
    }
    this.names.push(name);
    return {
      timestampWrites: {
        querySet: this.queries,
        beginningOfPassWriteIndex: 2 * i,
        endOfPassWriteIndex: 2 * i + 1,
      },
    };
  }

  /** Waits for everything that was submitted and returns times by kernel, longest first. Starts anew. */
  async report(): Promise<KernelTime[]> {
    const byName = new Map<string, KernelTime>();
    for (const { name, milliseconds } of await this.times()) {
      const entry = byName.get(name) ?? { name, dispatches: 0, milliseconds: 0 };
      entry.dispatches++;
      entry.milliseconds += milliseconds;
      byName.set(name, entry);
    }
    return [...byName.values()].sort((a, b) => b.milliseconds - a.milliseconds);
  }

  /** Waits for everything that was submitted and returns every dispatch's time, in order. Starts anew. */
  async times(): Promise<{ name: string; milliseconds: number }[]> {
    const count = 2 * this.names.length;
    if (count === 0) return [];
    const resolved = this.device.createBuffer({ size: count * 8, usage: QUERY_RESOLVE | COPY_SRC });
    const staging = this.device.createBuffer({ size: count * 8, usage: MAP_READ | COPY_DST });
    const encoder = this.device.createCommandEncoder();
    encoder.resolveQuerySet(this.queries, 0, count, resolved, 0);
    encoder.copyBufferToBuffer(resolved, 0, staging, 0, count * 8);
    this.device.queue.submit([encoder.finish()]);
    await staging.mapAsync(MAP_READ);
    const times = new BigInt64Array(staging.getMappedRange().slice(0));
    staging.unmap();
    staging.destroy();
    resolved.destroy();
    const { names } = this;
    this.names = [];
    return names.map((name, i) => ({
      name,
      milliseconds: Math.max(0, Number(times[2 * i + 1] - times[2 * i])) / 1e6,
    }));
  }

  dispose(): void {
    this.queries.destroy();
  }
}
