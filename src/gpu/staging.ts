// Buffers that the CPU maps to read from, used again and again. Not here: what is copied into them (device.ts).
import type { Waiting } from "./waiting.js";

const MAP_READ = 1;
const COPY_DST = 8;

/** Most buffers that are kept. */
const most = 9;

/** Bytes of a part that go to an offset of a staging buffer. */
interface Piece {
  part: number;
  from: number;
  to: number;
  byteLength: number;
}

/** Lays parts out in buffers of at most `largest` bytes, one that is longer in several. Pieces begin at multiples of 16. Pure. */
export function packReads(
  parts: readonly { byteLength: number }[],
  largest: number,
): { bytes: number; pieces: Piece[] }[] {
  const room = Math.floor(largest / 16) * 16;
  const loads: { bytes: number; pieces: Piece[] }[] = [];
  parts.forEach(({ byteLength }, part) => {
    for (let from = 0; from < byteLength; ) {
      let load = loads.at(-1);
      if (!load || load.bytes >= room) {
        load = { bytes: 0, pieces: [] };
        loads.push(load);
      }
      const count = Math.min(byteLength - from, room - load.bytes);
      load.pieces.push({ part, from, to: load.bytes, byteLength: count });
      load.bytes += Math.ceil(count / 16) * 16;
      from += count;
    }
  });
  return loads;
}

/** Buffers to read back through; one that is free and long enough is taken again. */
export class Staging {
  private readonly free: GPUBuffer[] = [];

  constructor(
    private readonly gpu: GPUDevice,
    private readonly waiting: Waiting,
    /** The largest buffer that the device makes. */
    readonly largest: number,
  ) {}

  /** A buffer of at least so many bytes (and no more than `largest`), which nobody else uses until it was read. */
  acquire(bytes: number): GPUBuffer {
    const index = this.free.findIndex((buffer) => buffer.size >= bytes && buffer.size <= 4 * bytes + 4096);
    if (index >= 0) return this.free.splice(index, 1)[0];
    if (this.free.length >= most) this.free.shift()?.destroy();
    const wanted = 2 ** Math.ceil(Math.log2(Math.max(bytes, 4096)));
    const size = Math.max(bytes, Math.min(wanted, Math.floor(this.largest / 4) * 4));
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
