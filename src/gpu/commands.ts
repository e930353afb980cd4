// The words in which the device, what records its commands and what replays them speak of those. Types only.
import type { Block } from "./buffers.js";
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
