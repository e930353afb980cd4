// GPU memory: blocks (a range of a buffer), a pool that hands out and takes back buffers by size class, and arenas
// (many blocks in one buffer). Knows nothing of shapes or dtypes.
import type { Capabilities } from "./capabilities.js";
import { OutOfMemoryError } from "./errors.js";

/** A range of a GPU buffer that one tensor occupies. */
export interface Block {
  /** The buffer that it is a range of. */
  readonly buffer: GPUBuffer;
  /** Identifies the buffer in keys and logs. */
  readonly bufferId: number;
  /** Where it starts, in bytes. */
  readonly offset: number;
  /** Its length in bytes. */
  readonly byteLength: number;
  /** Bytes that a shader may touch: `byteLength` rounded up to 16, so that vec4 access never needs a tail. */
  readonly bindingSize: number;
  /** What it holds, for reports: a label, or the shape of a tensor. */
  readonly holds?: string | readonly number[];
  /** The block that it is a part of. */
  readonly of?: Block;
}

/** Sizes in bytes, counted by the pool. */
export interface MemoryUse {
  /** Held by live tensors. */
  inUse: number;
  /** The most that tensors and arenas together held at once since the last `resetPeak`. */
  peak: number;
  /** Created and not destroyed: in use, free for reuse, and arenas. */
  reserved: number;
  /** Bytes of arenas: parameters, gradients, moments and captured programs. */
  arenas: number;
  /** Buffers made so far (a count). */
  buffersCreated: number;
  /** Created and not destroyed. */
  buffers: number;
}

const alignment = 256; // minStorageBufferOffsetAlignment that every adapter accepts

/** Rounds up to a size class: 256 bytes, then four classes to each power of two, so that at most a quarter is padding. */
export function sizeClass(bytes: number): number {
  if (bytes <= alignment) return alignment;
  const step = 2 ** Math.max(8, Math.floor(Math.log2(bytes)) - 2);
  return Math.ceil(bytes / step) * step;
}

/** Offsets for blocks of the given sizes in one arena, and the arena's size. Pure, so that it can be tested without a GPU. */
export function planArena(sizes: readonly number[]): { offsets: number[]; total: number } {
  let total = 0;
  const offsets = sizes.map((size) => {
    const offset = total;
    total += Math.ceil(Math.max(size, 16) / alignment) * alignment;
    return offset;
  });
  return { offsets, total: Math.max(total, alignment) };
}

/** Buffers that are handed out as blocks by size class, and taken back to be handed out again. */
export class BufferPool {
  readonly use: MemoryUse = { inUse: 0, peak: 0, reserved: 0, arenas: 0, buffersCreated: 0, buffers: 0 };
  private readonly free = new Map<number, Block[]>();
  private readonly live = new Set<Block>();
  private readonly arenas = new Map<number, { label: string; bytes: number }>();
  /** Blocks that programs use, by how many; and those of them that were released meanwhile. */
  private readonly retained = new Map<Block, number>();
  private readonly deferred = new Set<Block>();
  private nextId = 1;

  constructor(
    private readonly device: GPUDevice,
    private readonly capabilities: Capabilities,
    private readonly onDestroy: (bufferId: number) => void,
    private readonly onFailure: (error: Promise<Error | null>) => void,
  ) {}

  /** A block of at least `byteLength` bytes; its content is whatever was there before. */
  acquire(byteLength: number, holds?: Block["holds"]): Block {
    const size = sizeClass(byteLength);
    const kept = this.free.get(size)?.pop();
    const buffer = kept?.buffer ?? this.create(size, "tensor");
    const block: Block = {
      buffer,
      bufferId: kept?.bufferId ?? this.nextId++,
      offset: 0,
      byteLength,
      bindingSize: Math.max(16, Math.ceil(byteLength / 16) * 16),
      holds,
    };
    this.live.add(block);
    this.use.inUse += size;
    this.use.peak = Math.max(this.use.peak, this.use.inUse + this.use.arenas);
    return block;
  }

  /** Gives a block back for reuse. */
  release(block: Block): void {
    if (this.retained.has(block)) {
      this.deferred.add(block);
      return;
    }
    if (!this.live.delete(block)) return;
    const size = block.buffer.size;
    this.use.inUse -= size;
    const list = this.free.get(size);
    if (list) list.push(block);
    else this.free.set(size, [block]);
  }

  /** Keeps a block from being reused, though it be released, until `unretain`. */
  retain(block: Block): void {
    this.retained.set(block, (this.retained.get(block) ?? 0) + 1);
  }

  unretain(block: Block): void {
    const count = (this.retained.get(block) ?? 1) - 1;
    if (count > 0) {
      this.retained.set(block, count);
      return;
    }
    this.retained.delete(block);
    if (this.deferred.delete(block)) this.release(block);
  }

  /** One zeroed buffer with a block for each of `sizes` (bytes). Destroy it with the returned function. */
  arena(sizes: readonly number[], label: string): { whole: Block; blocks: Block[]; destroy(): void } {
    const { offsets, total } = planArena(sizes);
    const buffer = this.create(total, label);
    const bufferId = this.nextId++;
    this.use.arenas += total;
    this.use.peak = Math.max(this.use.peak, this.use.inUse + this.use.arenas);
    this.arenas.set(bufferId, { label, bytes: total });
    const blockAt = (offset: number, byteLength: number): Block => ({
      buffer,
      bufferId,
      offset,
      byteLength,
      bindingSize: Math.max(16, Math.ceil(byteLength / 16) * 16),
    });
    return {
      whole: blockAt(0, total),
      blocks: sizes.map((size, i) => blockAt(offsets[i], size)),
      destroy: () => {
        this.use.arenas -= total;
        this.arenas.delete(bufferId);
        this.destroy(buffer, bufferId);
      },
    };
  }

  /** Destroys every free buffer. */
  trim(): void {
    for (const list of this.free.values()) {
      for (const block of list) this.destroy(block.buffer, block.bufferId);
    }
    this.free.clear();
  }

  resetPeak(): void {
    this.use.peak = this.use.inUse + this.use.arenas;
  }

  /** Everything that is held, largest first: arenas by label, tensors one by one. */
  holdings(): { holds: string | readonly number[]; bytes: number }[] {
    const arenas = [...this.arenas.values()].map(({ label, bytes }) => ({ holds: label, bytes }));
    const tensors = [...this.live].map(({ holds = "tensor", buffer }) => ({ holds, bytes: buffer.size }));
    return [...arenas, ...tensors].sort((a, b) => b.bytes - a.bytes);
  }

  private create(size: number, label: string): GPUBuffer {
    const { maxBufferBytes } = this.capabilities;
    if (size > maxBufferBytes) throw tooLarge("a buffer", size, maxBufferBytes);
    const checked = size >= 1 << 20;
    if (checked) this.device.pushErrorScope("out-of-memory");
    const buffer = this.device.createBuffer({
      size,
      label,
      usage: GPU_STORAGE | GPU_COPY_SRC | GPU_COPY_DST,
    });
    if (checked) {
      const inUse = this.use.inUse + this.use.arenas;
      this.onFailure(
        this.device
          .popErrorScope()
          .then((error) =>
            error
              ? new OutOfMemoryError(
                  `The adapter has no memory for ${formatBytes(size)} beside the ${formatBytes(inUse)} in use: ` +
                    `make the batch, the crop or the model smaller.`,
                )
              : null,
          ),
      );
    }
    this.use.reserved += size;
    this.use.buffersCreated++;
    this.use.buffers++;
    return buffer;
  }

  private destroy(buffer: GPUBuffer, bufferId: number): void {
    this.use.reserved -= buffer.size;
    this.use.buffers--;
    this.onDestroy(bufferId);
    buffer.destroy();
  }
}

// GPUBufferUsage is a browser global that Node lacks; the values are fixed by the WebGPU specification.
const GPU_COPY_SRC = 0x0004;
const GPU_COPY_DST = 0x0008;
const GPU_STORAGE = 0x0080;

/** What is said where an operand of a kernel, or a buffer, has more bytes than the adapter takes. */
export function tooLarge(where: string, bytes: number, limit: number): OutOfMemoryError {
  return new OutOfMemoryError(
    `${where}: ${formatBytes(bytes)} is more than this adapter takes at once (${formatBytes(limit)}): ` +
      `make the batch, the crop or the model smaller.`,
  );
}

/** "1.5 MiB", for messages. */
export function formatBytes(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB"];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${value >= 100 || unit === 0 ? value.toFixed(0) : value.toFixed(1)} ${units[unit]}`;
}
