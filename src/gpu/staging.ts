// Buffers that the CPU maps to read from, used again and again. Not here: what is copied into them (device.ts).
import type { Waiting } from "./waiting.js";

const MAP_READ = 1;
const COPY_DST = 8;

/** Most buffers that are kept. */
const most = 9;

export class Staging {
  private readonly free: GPUBuffer[] = [];

  constructor(
    private readonly gpu: GPUDevice,
    private readonly waiting: Waiting,
  ) {}

  /** A buffer of at least so many bytes, which nobody else uses until it was read. */
  acquire(bytes: number): GPUBuffer {
    const index = this.free.findIndex((buffer) => buffer.size >= bytes && buffer.size <= 4 * bytes + 4096);
    if (index >= 0) return this.free.splice(index, 1)[0];
    if (this.free.length >= most) this.free.shift()?.destroy();
    const size = 2 ** Math.ceil(Math.log2(Math.max(bytes, 4096)));
    return this.gpu.createBuffer({ size, usage: MAP_READ | COPY_DST, label: "readback" });
  }

  /** Waits for what was submitted, hands the first `bytes` bytes to `take`, and gives the buffer back. Rejects as mapAsync does. */
  async read<T>(buffer: GPUBuffer, bytes: number, take: (mapped: ArrayBuffer) => T): Promise<T> {
    await this.waiting.wait(buffer.mapAsync(MAP_READ, 0, bytes));
    const result = take(buffer.getMappedRange(0, bytes));
    buffer.unmap();
    this.free.push(buffer);
    return result;
  }
}
