// Record mode: instead of running, dispatches, copies and clears are written down, and memory is only promised. What comes out
// is a Recording, which program.ts gives memory and replays. Nothing here touches the adapter.
import type { Block } from "./buffers.js";
import type { Allocation, Audit, Commands, Groups } from "./commands.js";
import { MelgradError } from "./errors.js";
import { type Params, pack } from "./parameters.js";
import type { Kernel } from "./pipelines.js";
import { type MemoryPlan, planMemory } from "./plan.js";

/** What a recording does next. */
export type Command =
  | {
      kind: "run";
      kernel: Kernel;
      blocks: readonly Block[];
      /** The kernel's parameters as they will stand in memory. */
      words: Uint32Array<ArrayBuffer>;
      groups: readonly [x: number, y: number, z: number];
      /** In the first run alone. */
      once?: boolean;
    }
  | { kind: "copy"; from: Block; to: Block; byteLength: number }
  | { kind: "clear"; block: Block };

/** Memory that a recording will need: a block whose place is known once the recording is planned. */
export class PlannedBlock implements Block {
  buffer!: GPUBuffer;
  bufferId = 0;
  offset = 0;
  readonly bindingSize: number;
  released = false;

  constructor(readonly byteLength: number) {
    this.bindingSize = Math.max(16, Math.ceil(byteLength / 16) * 16);
  }
}

/** Numbers that change from run to run: `fill` is called before each. */
export interface ScalarSlot {
  block: PlannedBlock;
  fill(out: Float32Array): void;
}

/** Commands in their order, with the memory that they need. */
export interface Recording {
  commands: readonly Command[];
  temporaries: readonly PlannedBlock[];
  plan: MemoryPlan;
  /** Data that was uploaded while recording: the same in every run. */
  constants: readonly { block: PlannedBlock; data: Uint8Array<ArrayBuffer> }[];
  scalars: readonly ScalarSlot[];
  /** What its runs find out. */
  audits: readonly Audit[];
  /** Memory from outside that the commands use. */
  externals: ReadonlySet<Block>;
}

/** Stands in for a device: writes down what is asked of it. */
export class Recorder implements Commands {
  private readonly commands: Command[] = [];
  private readonly temporaries: PlannedBlock[] = [];
  private readonly constants = new Map<PlannedBlock, Uint8Array<ArrayBuffer>>();
  private readonly slots: ScalarSlot[] = [];
  private readonly audits: Audit[] = [];

  allocate(byteLength: number): Allocation {
    const block = new PlannedBlock(byteLength);
    this.temporaries.push(block);
    return {
      block,
      release: () => {
        block.released = true;
      },
    };
  }

  /** A block of `count` numbers that `fill` sets before each run. */
  scalars(count: number, fill: (out: Float32Array) => void): Allocation {
    const block = new PlannedBlock(4 * count);
    this.slots.push({ block, fill });
    return { block, release: () => {} };
  }

  run(kernel: Kernel, blocks: readonly Block[], params: Params, [x, y = 1, z = 1]: Groups): void {
    const words = pack(kernel, params).slice(0, kernel.params.length);
    this.commands.push({ kind: "run", kernel, blocks, words, groups: [x, y, z] });
  }

  /** The last dispatch is one that finds something out, to memory that is the program's for good. */
  audit([audit]: readonly Audit[]): void {
    Object.assign(this.commands[this.commands.length - 1], { once: audit.once });
    this.audits.push(audit);
  }

  copy(from: Block, to: Block, byteLength: number): void {
    this.commands.push({ kind: "copy", from, to, byteLength });
  }

  clear(block: Block): void {
    this.commands.push({ kind: "clear", block });
  }

  write(block: Block, data: Float32Array | Int32Array | Uint32Array): void {
    if (!(block instanceof PlannedBlock) || !this.temporaries.includes(block)) {
      throw new MelgradError(
        "A captured function wrote to a tensor that was made outside of it, which replays could not repeat: " +
          "write before calling it, or pass the values as an input.",
      );
    }
    const bytes = new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength);
    this.constants.set(block, bytes.slice());
  }

  /** Nothing runs, so nothing is submitted. */
  flush(): void {}

  /** Ends the recording. Arenas will have at most `limit` bytes each. */
  finish(limit: number): Recording {
    const { commands, temporaries, constants, slots } = this;
    const index = new Map(temporaries.map((block, i) => [block, i]));
    const end = Math.max(0, commands.length - 1);
    const times = temporaries.map((block) => ({ bytes: block.byteLength, first: end, last: 0 }));
    const externals = new Set<Block>();
    const slotBlocks = new Set<Block>(slots.map(({ block }) => block));
    const apart: [number, number][] = [];
    const touch = (part: Block, at: number) => {
      const block = part.of ?? part;
      const i = index.get(block as PlannedBlock);
      if (i !== undefined) {
        times[i].first = Math.min(times[i].first, at);
        times[i].last = Math.max(times[i].last, at);
      } else if (!slotBlocks.has(block)) {
        externals.add(block);
      }
      return i;
    };
    commands.forEach((command, at) => {
      if (command.kind === "clear") {
        touch(command.block, at);
        return;
      }
      const copies = command.kind === "copy";
      const blocks = copies ? [command.from, command.to] : command.blocks;
      const places = blocks.map((block) => touch(block, at));
      places.forEach((i, a) => {
        const written = copies ? a === 1 : command.kernel.bindings[a] === "read_write";
        if (i === undefined || !written) return;
        places.forEach((j, b) => {
          const read = copies ? b === 0 : command.kernel.bindings[b] === "read";
          if (j !== undefined && read) apart.push([i, j]);
        });
      });
    });
    temporaries.forEach((block, i) => {
      // What outlives the recording (results, state, uploads) keeps its bytes through every run.
      if (!block.released || constants.has(block)) Object.assign(times[i], { first: 0, last: end });
      else if (times[i].first > times[i].last) times[i].last = times[i].first; // never used
    });
    return {
      commands,
      temporaries,
      plan: planMemory(times, apart, limit),
      constants: [...constants].map(([block, data]) => ({ block, data })),
      scalars: slots,
      audits: this.audits,
      externals,
    };
  }
}
