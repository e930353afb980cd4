// The words in which the device, what runs its commands, what records them and what replays them speak of those. Types only.
import type { Block } from "./buffers.js";
import type { Params } from "./parameters.js";
import type { Kernel } from "./pipelines.js";
import type { Defines } from "./preprocess.js";

/** Workgroup counts of a dispatch. */
export type Groups = readonly [x: number, y?: number, z?: number];

/** Memory that was handed out. */
export interface Allocation {
  /** The memory: a range of a buffer. */
  readonly block: Block;
  /** Gives it back; once. */
  release(): void;
}

/** Something to be looked at by the next readback: two integers, -1 where nothing was found. */
export interface Audit {
  block: Block;
  /** Called once the integers have been read. */
  judge(found: Int32Array): Error | undefined;
  /** In the first run of a program alone. */
  once: boolean;
}

/**
 * Where a device's commands go: to the adapter (open-commands.ts) or, while a function is recorded, into a program (recorder.ts).
 * The device has looked at what it is given.
 */
export interface Commands {
  /** Memory for a tensor. */
  allocate(byteLength: number, holds?: Block["holds"]): Allocation;
  /** Memory for numbers that `fill` sets: now, or before every run of what is recorded. */
  scalars(count: number, fill: (out: Float32Array) => void): Allocation;
  run(kernel: Kernel, blocks: readonly Block[], params: Params, groups: Groups): void;
  write(block: Block, data: Float32Array | Int32Array | Uint32Array): void;
  copy(from: Block, to: Block, byteLength: number): void;
  clear(block: Block): void;
  /** Has these looked at by the next readback or, recorded, after the dispatch before. */
  audit(audits: readonly Audit[]): void;
  /** Submits what there is. */
  flush(): void;
}

/** What a command recorder sees of each dispatch; see `Device.observer`. */
export type DispatchObserver = (kernel: Kernel, blocks: readonly Block[], groups: Groups) => void;

/** What may be asked of a device to run a kernel and look at its result. */
export interface Runs {
  allocate(byteLength: number): Allocation;
  kernel(shader: string, defines?: Defines): Kernel;
  run(
    kernel: Kernel,
    blocks: readonly Block[],
    params: Readonly<Record<string, number>> | undefined,
    groups: Groups,
  ): void;
  read(block: Block): Promise<ArrayBuffer>;
}
