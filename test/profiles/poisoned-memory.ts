// Poisoned memory, for tests: on a device whose pool is watched, every block is handed out full of NaN, with room behind it
// that is full of NaN too, is bound with it, and must still be so when the block comes back. So a kernel that reads what
// nobody wrote, or past a tensor's end, gives NaN, and one that writes past the end is named by what the block held. (Without the
// room, bounds checks would turn such a write into one inside the block, or drop it.) Captured programs plan their own
// memory: not here.
import type { Block } from "../../src/gpu/buffers.js";
import type { Device } from "../../src/gpu/device.js";

const pattern = 0x7fc0dead; // a NaN, and an index far outside of anything
const room = 256;
const most = 1 << 20;
/** Bytes behind a block that are looked at when it comes back. */
const looked = 1024;

interface Kept {
  holds: string;
  offset: number;
  bytes: number;
}

/** Where the room behind a block begins: a kernel may touch up to this, by vec4. */
function endOf({ byteLength }: Block): number {
  return Math.max(16, Math.ceil(byteLength / 16) * 16);
}

export class PoisonedMemory {
  private readonly source: Block;
  private readonly audit: Block;
  private kept: Kept[] = [];
  private used = 0;
  private lost = 0;

  constructor(private readonly device: Device) {
    const { pool } = device;
    this.source = pool.arena([most], "poison").whole;
    this.audit = pool.arena([4 * most], "poisoned memory that came back").whole;
    device.write(this.source, new Uint32Array(most / 4).fill(pattern));
    const acquire = pool.acquire.bind(pool);
    const release = pool.release.bind(pool);
    pool.acquire = (byteLength, holds) => this.poison(acquire(byteLength + room, holds), byteLength);
    pool.release = (block) => {
      this.keepEnd(block);
      release(block);
    };
    const clear = device.clear.bind(device);
    device.clear = (block) => clear({ ...block, bindingSize: Math.min(block.bindingSize, endOf(block)) });
  }

  /** What was written behind blocks that have come back since the last call. */
  async faults(): Promise<string[]> {
    const { kept, used, lost } = this;
    [this.kept, this.used, this.lost] = [[], 0, 0];
    if (used === 0) return [];
    const words = new Uint32Array(await this.device.read(this.audit, used));
    const faults = kept.flatMap(({ holds, offset, bytes }) => {
      const end = words.subarray(offset / 4, (offset + bytes) / 4);
      const at = end.findIndex((word) => word !== pattern);
      return at < 0 ? [] : [`something was written ${4 * at} bytes behind the end of ${holds}`];
    });
    if (lost > 0) faults.push(`${lost} blocks came back and could not be looked at`);
    return faults;
  }

  private poison(block: Block, byteLength: number): Block {
    const { size } = block.buffer;
    Object.assign(block, { byteLength, bindingSize: size });
    for (let offset = 0; offset < size; offset += most) {
      this.device.copy(this.source, { ...block, offset }, Math.min(most, size - offset));
    }
    return block;
  }

  private keepEnd(block: Block): void {
    if (block === this.source || block === this.audit || this.device.recording) return;
    const from = endOf(block);
    const bytes = Math.min(looked, block.buffer.size - from);
    if (this.used + bytes > 4 * most) {
      this.lost++;
      return;
    }
    const offset = this.used;
    const end = { ...block, offset: from };
    this.device.copy(end, { ...this.audit, offset }, bytes);
    const { holds = "a block" } = block;
    this.kept.push({ holds: typeof holds === "string" ? holds : `[${holds}]`, offset, bytes });
    this.used += bytes;
  }
}
