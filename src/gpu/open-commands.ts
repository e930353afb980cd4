// Commands that run: dispatches, copies and clears go, in order, into one open command encoder, whose compute pass is submitted at
// a readback or when it has grown long. Not here: commands that are written down to be run later (recorder.ts), reading back (device.ts).
import type { Block, BufferPool } from "./buffers.js";
import type { Capabilities } from "./capabilities.js";
import type { Allocation, Audit, Commands, DispatchObserver, Groups } from "./commands.js";
import { type Params, pack } from "./parameters.js";
import type { ImmediatePass, Kernel, PipelineCache } from "./pipelines.js";
import type { Profiler } from "./profiler.js";

const uniformSlot = 256; // offsets of bindings, dynamic ones too, are multiples of this
const uniformSlots = 256;
const COPY_DST = 8;
const UNIFORM = 64;

/** The device below. */
export interface OpenCommandsHost {
  readonly gpu: GPUDevice;
  readonly capabilities: Capabilities;
  readonly pool: BufferPool;
  readonly pipelines: PipelineCache;
  readonly counts: { dispatches: number; submits: number };
  readonly profiler: Profiler | undefined;
  readonly observer: DispatchObserver | undefined;
}

/** `Replay` is what stands for a program that may have a run among the commands. */
export class OpenCommands<Replay> implements Commands {
  private encoder: GPUCommandEncoder | undefined;
  private pass: GPUComputePassEncoder | undefined;
  private dispatches = 0;
  private pipeline: GPUComputePipeline | undefined;
  /** Buffers that the commands use: what is written to them must wait. */
  private readonly touched = new Set<number>();
  /** Parameters of the open dispatches, on adapters without immediates: uploaded at once before they are submitted. */
  private uniformBuffer: GPUBuffer | undefined;
  private readonly uniformData = new Uint32Array((uniformSlot * uniformSlots) / 4);
  private uniformCount = 0;
  /** What the next readback looks at. */
  readonly audits = new Set<Audit>();
  /** The programs that have a run in the open commands. */
  private readonly replays = new Set<Replay>();

  constructor(
    private readonly device: OpenCommandsHost,
    /** Dispatches per submission. */
    private readonly passLength: number,
  ) {}

  allocate(byteLength: number, holds?: Block["holds"]): Allocation {
    const block = this.device.pool.acquire(byteLength, holds);
    return { block, release: () => this.device.pool.release(block) };
  }

  scalars(count: number, fill: (out: Float32Array) => void): Allocation {
    const allocated = this.allocate(4 * count);
    const values = new Float32Array(count);
    fill(values);
    this.write(allocated.block, values);
    return allocated;
  }

  run(kernel: Kernel, blocks: readonly Block[], params: Params, groups: Groups): void {
    const { device } = this;
    const group = device.pipelines.bindGroup(kernel, blocks);
    if (device.profiler) this.endPass();
    this.pass ??= this.encode().beginComputePass(device.profiler?.pass(kernel.key));
    const { pass } = this;
    if (kernel.pipeline !== this.pipeline) {
      pass.setPipeline(kernel.pipeline);
      this.pipeline = kernel.pipeline;
    }
    const { length } = kernel.params;
    const words = pack(kernel, params);
    if (length > 0 && !device.capabilities.immediates) {
      const offset = uniformSlot * this.uniformCount++;
      this.uniformData.set(words, offset / 4);
      pass.setBindGroup(0, group, [offset]);
    } else {
      pass.setBindGroup(0, group);
      if (length > 0) (pass as ImmediatePass).setImmediates(0, words, 0, length);
    }
    pass.dispatchWorkgroups(...groups);
    device.counts.dispatches++;
    this.dispatches++;
    for (const block of blocks) this.touched.add(block.bufferId);
    device.observer?.(kernel, blocks, groups);
    if (this.dispatches >= this.passLength || this.uniformCount >= uniformSlots) this.flush();
  }

  write(block: Block, data: Float32Array | Int32Array | Uint32Array): void {
    if (this.touched.has(block.bufferId)) this.flush();
    this.device.gpu.queue.writeBuffer(
      block.buffer,
      block.offset,
      data.buffer as ArrayBuffer,
      data.byteOffset,
      data.byteLength,
    );
  }

  copy(from: Block, to: Block, byteLength: number): void {
    this.encode().copyBufferToBuffer(from.buffer, from.offset, to.buffer, to.offset, byteLength);
    this.touched.add(from.bufferId).add(to.bufferId);
  }

  clear(block: Block): void {
    this.encode().clearBuffer(block.buffer, block.offset, block.bindingSize);
    this.touched.add(block.bufferId);
  }

  audit(audits: readonly Audit[]): void {
    for (const each of audits) this.audits.add(each);
  }

  /** Begins a run of a program. One that is still open is submitted first, because the two share their memory and scalars. */
  startReplay(program: Replay): this {
    if (this.replays.has(program)) this.flush();
    return this;
  }

  /** The encoder, outside a pass, into which a run of the program goes. It uses these buffers. */
  join(program: Replay, bufferIds: Iterable<number>): GPUCommandEncoder {
    if (!this.replays.has(program)) {
      this.replays.add(program);
      for (const id of bufferIds) this.touched.add(id);
    }
    return this.encode();
  }

  /** The encoder, with no pass open. */
  encode(): GPUCommandEncoder {
    this.endPass();
    this.encoder ??= this.device.gpu.createCommandEncoder();
    return this.encoder;
  }

  flush(): void {
    this.endPass();
    const { queue } = this.device.gpu;
    if (this.uniformCount > 0) {
      queue.writeBuffer(this.uniforms, 0, this.uniformData, 0, (this.uniformCount * uniformSlot) / 4);
      this.uniformCount = 0;
    }
    if (!this.encoder) return;
    queue.submit([this.encoder.finish()]);
    this.device.counts.submits++;
    this.encoder = undefined;
    this.dispatches = 0;
    this.replays.clear();
    this.touched.clear();
  }

  /** The buffer that kernels' parameters are bound to. */
  get uniforms(): GPUBuffer {
    this.uniformBuffer ??= this.device.gpu.createBuffer({
      size: uniformSlot * uniformSlots,
      usage: UNIFORM | COPY_DST,
      label: "parameters",
    });
    return this.uniformBuffer;
  }

  private endPass(): void {
    this.pass?.end();
    this.pass = undefined;
    this.pipeline = undefined;
  }
}
