// A recorded list of commands with memory of its own, to be run again and again: every run sets pipelines and bind groups that
// were made once, so that it allocates nothing. Not here: recording (recorder.ts) and placing memory (plan.ts).
import type { BufferPool } from "./buffers.js";
import type { Capabilities } from "./capabilities.js";
import type { Audit } from "./commands.js";
import type { OpenCommands } from "./open-commands.js";
import type { Cost, Pace } from "./pace.js";
import type { ImmediatePass, Kernel, PipelineCache } from "./pipelines.js";
import type { Profiler } from "./profiler.js";
import type { Command, Recording } from "./recorder.js";

const UNIFORM = 64;
const COPY_DST = 8;
const slotBytes = 256; // offsets of bindings, dynamic ones too, are multiples of this

/** A command with everything that its replay needs. */
export type Prepared =
  | {
      kind: "run";
      kernel: Kernel;
      pipeline: GPUComputePipeline;
      group: GPUBindGroup;
      words: Uint32Array<ArrayBuffer>;
      /** Offset of the parameters in their buffer, where there are no immediates. */
      dynamicOffset: number[] | undefined;
      x: number;
      y: number;
      z: number;
      once: boolean | undefined;
    }
  | Exclude<Command, { kind: "run" }>;

/** What a program is and holds. */
export interface ProgramReport {
  /** Kernels launched by a run. */
  dispatches: number;
  /** Copies and clears of a run. */
  copies: number;
  /** Different kernels. */
  kernels: number;
  /** Bind groups, made once. */
  bindGroups: number;
  /** Bytes of each arena of temporaries. */
  arenas: number[];
  /** The most bytes of temporaries that are alive at once. */
  lowerBound: number;
}

/** What a program asks of its device. */
export interface ProgramHost {
  readonly gpu: GPUDevice;
  readonly capabilities: Capabilities;
  readonly pool: BufferPool;
  readonly pipelines: PipelineCache;
  readonly pace: Pace;
  readonly profiler: Profiler | undefined;
  readonly counts: { dispatches: number };
  check(): void;
  flush(): void;
  audit(audits: readonly Audit[]): void;
  /** Begins a run, into these commands. One that is still open is submitted first: the two share memory and scalars. */
  startReplay(program: Program): OpenCommands<Program>;
}

/** A recording with its memory. */
export class Program {
  private prepared: Prepared[] | undefined;
  private readonly destroyers: (() => void)[] = [];
  private scalarBuffer: GPUBuffer | undefined;
  private scalarData = new Float32Array(0);
  private bindGroups = 0;
  private hasRun = false;
  /** Buffers that a run touches, so that a later upload to one of them waits for it. */
  private readonly bufferIds = new Set<number>();
  /** Dispatches per submission. A run that is shorter leaves its commands open, for a readback to join. */
  submitEvery = Number.POSITIVE_INFINITY;
  /** What each command is thought to take, once it has been run in slices. */
  private costs: readonly Cost[] | undefined;

  constructor(
    private readonly device: ProgramHost,
    readonly recording: Recording,
    private readonly label: string,
  ) {
    for (const block of recording.externals) device.pool.retain(block);
  }

  report(): ProgramReport {
    const { commands, plan } = this.recording;
    const runs = commands.filter((command) => command.kind === "run");
    return {
      dispatches: runs.length,
      copies: commands.length - runs.length,
      kernels: new Set(runs.map(({ kernel }) => kernel)).size,
      bindGroups: this.bindGroups,
      arenas: plan.arenas,
      lowerBound: plan.lowerBound,
    };
  }

  /** Compiles every kernel side by side and makes the memory and bind groups, so that the first run does not wait. */
  async prepare(): Promise<void> {
    const kernels = new Set(this.recording.commands.flatMap((c) => (c.kind === "run" ? [c.kernel] : [])));
    await Promise.all([...kernels].map((kernel) => kernel.compile()));
    this.build();
  }

  /** Records one run of the whole list into the device's open commands. */
  replay(): void {
    let dispatches = 0;
    this.encode((command) => command.kind === "run" && ++dispatches % this.submitEvery === 0).next();
  }

  /**
   * Runs the whole list in submissions of about `budgetMs` each, only a few of them on the device at once, so that other work need
   * not wait long for its turn; `between` is awaited before each. What other programs and operations do meanwhile goes in
   * between, so nothing may write to what this one reads. What commands cost is learnt on the way (pace.ts).
   */
  async replayInSlices(budgetMs: number, between: () => Promise<void>): Promise<void> {
    const { device } = this;
    const { pace } = device;
    const { length } = this.build();
    this.costs ??= pace.costsOf(this.recording.commands);
    const ends = pace.cutter(this.costs, budgetMs);
    const slices = this.encode((_, at) => ends(at), true);
    for (let from = 0; from < length; ) {
      await pace.room(budgetMs);
      await between();
      device.check();
      const to = slices.next().value ?? length;
      pace.submitted(this.costs.slice(from, to), budgetMs);
      from = to;
    }
    slices.next();
  }

  /**
   * Records the commands one after the other; where `ends` says that a submission ends after a command, submits what there is
   * and, in slices, yields the number of commands so far.
   */
  private *encode(
    ends: (command: Prepared, at: number) => boolean,
    slices = false,
  ): Generator<number, void, void> {
    const { device } = this;
    const commands = this.build();
    device.check();
    const open = device.startReplay(this);
    const encoder = () => open.join(this, this.bufferIds);
    this.fillScalars();
    device.audit(this.recording.audits.filter(({ once }) => !once || !this.hasRun));
    let pass: GPUComputePassEncoder | undefined;
    let pipeline: GPUComputePipeline | undefined;
    let group: GPUBindGroup | undefined;
    const endPass = () => {
      pass?.end();
      pass = pipeline = group = undefined;
    };
    for (let i = 0; i < commands.length; i++) {
      const command = commands[i];
      if (command.kind === "run" && command.once && this.hasRun) {
        // Was found out by the first run.
      } else if (command.kind === "run") {
        if (!pass) pass = encoder().beginComputePass(device.profiler?.pass(command.kernel.key));
        if (command.pipeline !== pipeline) {
          pipeline = command.pipeline;
          pass.setPipeline(pipeline);
        }
        if (command.dynamicOffset) {
          pass.setBindGroup(0, command.group, command.dynamicOffset);
        } else {
          if (command.group !== group) {
            group = command.group;
            pass.setBindGroup(0, group);
          }
          if (command.words.length > 0) {
            (pass as ImmediatePass).setImmediates(0, command.words.buffer); // a whole buffer is the cheapest to hand over
          }
        }
        pass.dispatchWorkgroups(command.x, command.y, command.z);
        device.counts.dispatches++;
        if (device.profiler) endPass();
      } else {
        endPass();
        if (command.kind === "clear") {
          const { buffer, offset, bindingSize } = command.block;
          encoder().clearBuffer(buffer, offset, bindingSize);
        } else {
          const { from, to, byteLength } = command;
          encoder().copyBufferToBuffer(from.buffer, from.offset, to.buffer, to.offset, byteLength);
        }
      }
      if (ends(command, i)) {
        endPass();
        device.flush();
        if (slices) yield i + 1;
      }
    }
    endPass();
    this.hasRun = true;
  }

  /** Gives the memory back. What earlier runs returned must not be used any more. */
  dispose(): void {
    this.device.flush(); // a run may still be waiting for a readback to submit it
    for (const destroy of this.destroyers.splice(0)) destroy();
    for (const block of this.recording.externals) this.device.pool.unretain(block);
    this.prepared = [];
  }

  /** Makes the memory and the bind groups, once. */
  build(): Prepared[] {
    if (this.prepared) return this.prepared;
    const { device, recording } = this;
    const { commands, temporaries, plan, constants, scalars, externals } = recording;
    const arenas = plan.arenas.map((bytes) => device.pool.arena([bytes], this.label));
    for (const arena of arenas) this.destroyers.push(() => arena.destroy());
    temporaries.forEach((block, i) => {
      const { arena, offset } = plan.places[i];
      const { buffer, bufferId } = arenas[arena].whole;
      Object.assign(block, { buffer, bufferId, offset });
    });
    if (scalars.length > 0) {
      const { whole, blocks, destroy } = device.pool.arena(
        scalars.map(({ block }) => block.byteLength),
        `${this.label}: scalars`,
      );
      this.destroyers.push(destroy);
      this.scalarBuffer = whole.buffer;
      this.scalarData = new Float32Array(whole.byteLength / 4);
      scalars.forEach(({ block }, i) => {
        const { buffer, bufferId, offset } = blocks[i];
        Object.assign(block, { buffer, bufferId, offset });
      });
    }
    for (const block of [...temporaries, ...externals]) this.bufferIds.add(block.bufferId);
    for (const { block, data } of constants) {
      const whole = new Uint8Array(Math.ceil(data.length / 4) * 4);
      whole.set(data);
      device.gpu.queue.writeBuffer(block.buffer, block.offset, whole);
    }
    const parameters = device.capabilities.immediates ? undefined : this.parameterBuffer(commands);
    const groups = new Map<string, GPUBindGroup>();
    this.prepared = commands.map((command, i): Prepared => {
      if (command.kind !== "run") return command;
      const { kernel, blocks, words, once } = command;
      const [x, y, z] = command.groups;
      const key = `${kernel.layout.id}|${blocks.map((b) => `${b.bufferId}:${b.offset}:${b.bindingSize}`).join("|")}`;
      const group = groups.get(key) ?? device.pipelines.createBindGroup(kernel, blocks, parameters);
      groups.set(key, group);
      const dynamicOffset = parameters && words.length > 0 ? [i * slotBytes] : undefined;
      return { kind: "run", kernel, pipeline: kernel.pipeline, group, words, dynamicOffset, x, y, z, once };
    });
    this.bindGroups = groups.size;
    return this.prepared;
  }

  /** The parameters of all commands in one uniform buffer, for adapters without immediates. They never change. */
  private parameterBuffer(commands: readonly Command[]): GPUBuffer {
    const data = new Uint32Array((commands.length * slotBytes) / 4);
    commands.forEach((command, i) => {
      if (command.kind === "run") data.set(command.words, (i * slotBytes) / 4);
    });
    const buffer = this.device.gpu.createBuffer({
      size: data.byteLength,
      usage: UNIFORM | COPY_DST,
      label: `${this.label}: parameters`,
    });
    this.device.gpu.queue.writeBuffer(buffer, 0, data);
    this.destroyers.push(() => buffer.destroy());
    return buffer;
  }

  private fillScalars(): void {
    const { scalars } = this.recording;
    if (!this.scalarBuffer) return;
    for (const { block, fill } of scalars) {
      fill(this.scalarData.subarray(block.offset / 4, (block.offset + block.byteLength) / 4));
    }
    this.device.gpu.queue.writeBuffer(this.scalarBuffer, 0, this.scalarData);
  }
}
