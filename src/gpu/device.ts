// The device: one place through which every kernel runs. Dispatches are recorded into one open compute pass, which is
// submitted at a readback or when it has grown long; errors that WebGPU reports later surface at the next readback.
// Not here: choosing an adapter (host/), shapes and dtypes (tensor/).
import { type Block, BufferPool } from "./buffers.js";
import {
  type Capabilities,
  distrust,
  readCapabilities,
  wantedFeatures,
  wantedLimits,
} from "./capabilities.js";
import { byRule, type Chooser } from "./chooser.js";
import type { Allocation, Audit, Groups } from "./commands.js";
import { DeviceLostError, MelgradError, ShaderError } from "./errors.js";
import { Failures } from "./failures.js";
import { lanesFault } from "./lanes.js";
import { Pace } from "./pace.js";
import { type ImmediatePass, type Kernel, PipelineCache } from "./pipelines.js";
import type { Defines } from "./preprocess.js";
import type { Profiler } from "./profiler.js";
import { Program } from "./program.js";
import { Recorder } from "./recorder.js";
import { packReads, Staging } from "./staging.js";
import type { Tuner } from "./tuner.js";
import { Waiting } from "./waiting.js";

/** Tries a feature on a device; what is wrong with it, if anything. */
export type Distrust = (device: Device) => Promise<string | undefined>;

/** How a device is opened; `open()` fills it in. */
export interface DeviceOptions {
  /** Shown to people; defaults to the adapter's own description. */
  adapterName?: string;
  /** Whether the adapter is a program on the CPU; kernels are chosen by it. Default false. */
  software?: boolean;
  /** false forces the uniform-buffer path for parameters. */
  immediates?: boolean;
  /** The browser and its version; see `Capabilities.runtime`. */
  runtime?: string;
  /** Makes what chooses among kernels by measured tables, for instance `makeTuner`. Default: every kernel by its rule. */
  tuner?: (capabilities: Capabilities) => Tuner;
  /** Asked where the device has f16 that may not be trusted. */
  halfFault?: Distrust;
  /** Dispatches per submission. */
  passLength?: number;
  /** Replaces the text of a kernel before it is compiled: for tests that need one to be wrong. */
  rewrite?: (code: string, key: string) => string;
}

/** What a command recorder sees of each dispatch; see `Device.observer`. */
export type DispatchObserver = (kernel: Kernel, blocks: readonly Block[], groups: Groups) => void;

const uniformSlot = 256;
const uniformSlots = 256;
const COPY_DST = 8;
const UNIFORM = 64;

/**
 * A WebGPU device with melgrad's memory, kernels and command recording: `gpu.device`. Needed only by who writes kernels;
 * tensors and operations use it for you. Every method throws what failed on the device before: DeviceLostError,
 * OutOfMemoryError, ShaderError.
 */
export class Device {
  /** Hands out and takes back memory. */
  readonly pool: BufferPool;
  /** The compiled kernels. */
  readonly pipelines: PipelineCache;
  /**
   * Says which kernel is taken: the tuner, or the rules alone.
   *
   * @internal
   */
  readonly chooser: Chooser;
  /** The tuner that the device was opened with: none in `melgrad/engine`, the smallest edition. */
  readonly tuner: Tuner;
  /** How everything here waits for the device. */
  readonly waiting: Waiting;
  /** Divides long programs into slices. */
  readonly pace: Pace;
  /** Dispatches and submissions so far. */
  readonly counts: {
    /** Kernels launched. */
    dispatches: number;
    /** Command buffers submitted. */
    submits: number;
  } = { dispatches: 0, submits: 0 };
  /** Times every dispatch while it is attached. */
  profiler: Profiler | undefined;
  /** Called on every dispatch, for tests. */
  observer: DispatchObserver | undefined;

  private encoder: GPUCommandEncoder | undefined;
  private pass: GPUComputePassEncoder | undefined;
  private passDispatches = 0;
  private passSerial = 1;
  private lastPipeline: GPUComputePipeline | undefined;
  private readonly touched = new Map<number, number>();
  private readonly words = new ArrayBuffer(64);
  private readonly u32 = new Uint32Array(this.words);
  private readonly i32 = new Int32Array(this.words);
  private readonly f32 = new Float32Array(this.words);
  private uniformBuffer: GPUBuffer | undefined;
  private readonly uniformData = new Uint32Array((uniformSlot * uniformSlots) / 4);
  private uniformCount = 0;
  private readonly staging: Staging;
  private readonly failures: Failures;
  /** What the next readback looks at. */
  private audits: Audit[] = [];
  /** While it is set, nothing runs: commands are written down. */
  private recorder: Recorder | undefined;
  /** The programs that have a run in the open commands. */
  private readonly openReplays = new Set<Program>();

  private constructor(
    /** WebGPU's own device. */
    readonly gpu: GPUDevice,
    /** What it can do. */
    readonly capabilities: Capabilities,
    private readonly passLength: number,
    { tuner, rewrite }: DeviceOptions,
  ) {
    this.failures = new Failures(gpu);
    this.waiting = new Waiting(gpu.queue);
    this.pace = new Pace(this.waiting);
    this.staging = new Staging(gpu, this.waiting, capabilities.maxBufferBytes);
    const watch = (error: Promise<Error | null>) => this.failures.watch(error);
    this.pool = new BufferPool(gpu, capabilities, (id) => this.pipelines.forgetBuffer(id), watch);
    this.tuner = tuner?.(capabilities) as Tuner; // whoever opens a device without one does not ask for it
    this.chooser = this.tuner ?? byRule(capabilities);
    this.pipelines = new PipelineCache(
      gpu,
      capabilities,
      () => this.uniforms(),
      watch,
      this.chooser,
      rewrite,
    );
  }

  /** Opens a device on an adapter with every feature and limit that melgrad can use. */
  static async open(gpu: GPU, adapter: GPUAdapter, options: DeviceOptions = {}): Promise<Device> {
    const requiredLimits: Record<string, number> = {};
    for (const name of wantedLimits) requiredLimits[name] = adapter.limits[name];
    const device = await adapter.requestDevice({
      requiredFeatures: wantedFeatures.filter((feature) => adapter.features.has(feature)),
      requiredLimits,
    });
    const info = adapter.info;
    const capabilities = readCapabilities(device, info, gpu.wgslLanguageFeatures, {
      adapterName:
        options.adapterName ?? (info.description || info.device || info.vendor || "unknown adapter"),
      software: options.software ?? false,
      immediates: options.immediates,
      runtime: options.runtime,
    });
    const make = () => new Device(device, capabilities, options.passLength ?? 128, options);
    const tests: Partial<Record<"f16" | "subgroups", Distrust>> = { f16: options.halfFault };
    if (capabilities.subgroups) tests.subgroups = lanesFault;
    for (const feature of ["f16", "subgroups"] as const) {
      const tried = make();
      const fault = await tests[feature]?.(tried).catch((error: unknown) => String(error));
      tried.pool.trim();
      if (fault) distrust(capabilities, feature, fault);
    }
    return make();
  }

  /** The kernel for a shader (its name below shaders/) and its defines. */
  kernel(shader: string, defines?: Defines): Kernel {
    return this.pipelines.kernel(shader, defines);
  }

  /** Memory for a tensor: from the pool or, while a program is being recorded, promised for every run of it. */
  allocate(byteLength: number, holds?: Block["holds"]): Allocation {
    if (this.recorder) return this.recorder.allocate(byteLength);
    const block = this.pool.acquire(byteLength, holds);
    return { block, release: () => this.pool.release(block) };
  }

  /**
   * A block of `count` numbers. `fill` sets them now or, while a program is being recorded, before every run of it: so a
   * program can be given what changes from run to run. The block may be released after the dispatches that read it.
   */
  scalars(count: number, fill: (out: Float32Array) => void): Allocation {
    if (this.recorder) return { block: this.recorder.scalars(count, fill), release: () => {} };
    const allocated = this.allocate(4 * count);
    const values = new Float32Array(count);
    fill(values);
    this.write(allocated.block, values);
    return allocated;
  }

  /** Whether commands are being written down instead of run. */
  get recording(): boolean {
    return this.recorder !== undefined;
  }

  /** Runs `work` in record mode: its commands become a program, and none of them has run when this returns. */
  record<T>(
    work: () => T,
    label: string,
  ): {
    /** What `work` returned. */
    result: T;
    /** What it recorded. */
    program: Program;
  } {
    if (this.recorder) throw nestedCapture();
    const recorder = new Recorder();
    this.recorder = recorder;
    let result: T;
    try {
      result = work();
    } finally {
      this.recorder = undefined;
    }
    const { maxBindingBytes, maxBufferBytes } = this.capabilities;
    const recording = recorder.finish(Math.min(maxBindingBytes, maxBufferBytes));
    return { result, program: new Program(this, recording, label) };
  }

  /** For programs: begins a run. One that is still open is submitted first, because the two share their memory and scalars. */
  startReplay(program: Program): void {
    if (this.recorder) throw nestedCapture();
    if (this.openReplays.has(program)) this.flush();
    this.endPass();
  }

  /** For programs: the open commands, outside a pass, into which a run of the program goes. It uses these buffers. */
  joinReplay(program: Program, bufferIds: Iterable<number>): GPUCommandEncoder {
    if (!this.openReplays.has(program)) {
      this.openReplays.add(program);
      for (const id of bufferIds) this.touched.set(id, this.passSerial);
    }
    return this.openEncoder();
  }

  /**
   * Records one dispatch. `blocks` are bound in order; `params` fills the shader's Params by name (a missing or
   * unknown name throws). Nothing runs until the pass is submitted, and nothing at all where what it writes has no elements or
   * there are no workgroups.
   */
  run(
    kernel: Kernel,
    blocks: readonly Block[],
    params: Readonly<Record<string, number>> | undefined,
    groups: Groups,
  ): void {
    this.check();
    const x = groups[0];
    const y = groups[1] ?? 1;
    const z = groups[2] ?? 1;
    const { bindings } = kernel;
    const idle = blocks.every(({ byteLength }, i) => byteLength === 0 || bindings[i] === "read");
    if ((idle && blocks.length === bindings.length) || x * y * z === 0) return;
    if (this.recorder) {
      if (kernel.params.length > 0) this.pack(kernel, params ?? {});
      this.recorder.run(kernel, blocks, this.u32.slice(0, kernel.params.length), [x, y, z]);
      return;
    }
    const group = this.pipelines.bindGroup(kernel, blocks);
    if (this.profiler) this.endPass();
    const pass = this.openPass(kernel);
    if (kernel.pipeline !== this.lastPipeline) {
      pass.setPipeline(kernel.pipeline);
      this.lastPipeline = kernel.pipeline;
    }
    if (kernel.params.length === 0) {
      pass.setBindGroup(0, group);
    } else {
      this.pack(kernel, params ?? {});
      if (this.capabilities.immediates) {
        pass.setBindGroup(0, group);
        (pass as ImmediatePass).setImmediates(0, this.u32, 0, kernel.params.length);
      } else {
        this.uniformData.set(this.u32, (this.uniformCount * uniformSlot) / 4);
        pass.setBindGroup(0, group, [this.uniformCount * uniformSlot]);
        this.uniformCount++;
      }
    }
    pass.dispatchWorkgroups(x, y, z);
    this.counts.dispatches++;
    this.passDispatches++;
    for (const block of blocks) this.touched.set(block.bufferId, this.passSerial);
    this.observer?.(kernel, blocks, groups);
    if (this.passDispatches >= this.passLength || this.uniformCount >= uniformSlots) this.flush();
  }

  /**
   * Has the next readback look at these; while a function is recorded, at the one that its last dispatch finds out, after a run.
   *
   * @internal
   */
  audit(audits: readonly Audit[]): void {
    if (this.recorder) this.recorder.audit(audits[0]);
    else this.audits = [...new Set([...this.audits, ...audits])];
  }

  /** Submits what has been recorded. */
  flush(): void {
    if (this.recorder) return;
    this.endPass();
    this.submitEncoder();
  }

  /** Writes `data` to the start of a block. Work recorded earlier still sees the old content. */
  write(block: Block, data: Float32Array | Int32Array | Uint32Array): void {
    this.check();
    if (data.byteLength === 0) return;
    if (this.recorder) {
      this.recorder.write(block, data);
      return;
    }
    if (this.touched.get(block.bufferId) === this.passSerial) this.flush();
    this.gpu.queue.writeBuffer(
      block.buffer,
      block.offset,
      data.buffer as ArrayBuffer,
      data.byteOffset,
      data.byteLength,
    );
  }

  /** Copies bytes between blocks of different buffers, in order with the recorded work. */
  copy(from: Block, to: Block, byteLength = from.byteLength): void {
    this.check();
    if (byteLength === 0) return;
    if (this.recorder) {
      this.recorder.copy(from, to, byteLength);
      return;
    }
    this.endPass();
    this.openEncoder().copyBufferToBuffer(from.buffer, from.offset, to.buffer, to.offset, byteLength);
    this.touched.set(from.bufferId, this.passSerial);
    this.touched.set(to.bufferId, this.passSerial);
  }

  /** Zeroes a block, in order with the recorded work. */
  clear(block: Block): void {
    this.check();
    if (this.recorder) {
      this.recorder.clear(block);
      return;
    }
    this.endPass();
    this.openEncoder().clearBuffer(block.buffer, block.offset, block.bindingSize);
    this.touched.set(block.bufferId, this.passSerial);
  }

  /** Submits, waits, and returns a copy of the block's bytes. Throws what failed on the device since the last readback. */
  async read(block: Block, byteLength = block.byteLength): Promise<ArrayBuffer> {
    return (await this.readMany([{ block, byteLength }]))[0];
  }

  /** One wait for many blocks, each into memory of its own or, whole, into that which is given. */
  async readMany(
    parts: readonly { block: Block; byteLength: number; into?: Uint8Array<ArrayBuffer> }[],
  ): Promise<ArrayBuffer[]> {
    this.check();
    this.refuseToWait();
    const audits = this.audits;
    this.audits = [];
    const wanted: typeof parts = [...parts, ...audits.map(({ block }) => ({ block, byteLength: 8 }))];
    const results = wanted.map(({ byteLength, into }) => into ?? new Uint8Array(byteLength));
    const loads = packReads(wanted, this.staging.largest).map(({ bytes, pieces }) => ({
      ...{ bytes, pieces },
      staging: this.staging.acquire(bytes),
    }));
    if (loads.length === 0) return results.map(({ buffer }) => buffer);
    this.endPass();
    const encoder = this.openEncoder();
    for (const { pieces, staging } of loads) {
      for (const { part, from, to, byteLength } of pieces) {
        const { buffer, offset } = wanted[part].block;
        encoder.copyBufferToBuffer(buffer, offset + from, staging, to, Math.ceil(byteLength / 4) * 4);
      }
    }
    this.submitEncoder();
    const readings = loads.map(({ bytes, pieces, staging }) =>
      this.staging.read(staging, bytes, (mapped) => {
        for (const { part, from, to, byteLength } of pieces) {
          results[part].set(new Uint8Array(mapped, to, byteLength), from);
        }
      }),
    );
    await Promise.all(readings).catch((error: unknown) => {
      this.check();
      throw new DeviceLostError(
        `A readback failed: ${error instanceof Error ? error.message : String(error)}`,
      );
    });
    await this.failures.settle();
    const found = results.splice(parts.length);
    const [fault] = audits.flatMap(({ judge }, i) => judge(new Int32Array(found[i].buffer)) ?? []);
    if (fault) throw fault;
    return results.map(({ buffer }) => buffer);
  }

  /** Submits and waits until the device has done everything. */
  async finish(): Promise<void> {
    this.refuseToWait();
    this.flush();
    await this.waiting.done();
    await this.failures.settle();
  }

  /** Destroys the device and everything on it. */
  close(): void {
    this.failures.close();
    this.waiting.stop();
    this.gpu.destroy();
  }

  /** Throws if the device has failed. */
  check(): void {
    this.failures.check();
  }

  /**
   * Runs `work`, in which kernels may be tried that the driver refuses: that throws here but leaves the device in order, unless
   * it was lost. What was recorded before is waited for first.
   */
  async attempt<T>(work: () => Promise<T>): Promise<T> {
    await this.finish();
    try {
      const result = await work();
      await this.finish();
      return result;
    } catch (error) {
      this.flush();
      await Promise.allSettled([this.waiting.done()]);
      await this.failures.forgive();
      throw error;
    }
  }

  private refuseToWait(): void {
    if (!this.recorder) return;
    throw new MelgradError(
      "A captured function read back, but nothing runs while it is recorded: return the tensor and read it after the call.",
    );
  }

  private openEncoder(): GPUCommandEncoder {
    this.encoder ??= this.gpu.createCommandEncoder();
    return this.encoder;
  }

  private openPass(kernel: Kernel): GPUComputePassEncoder {
    this.pass ??= this.openEncoder().beginComputePass(this.profiler?.pass(kernel.key));
    return this.pass;
  }

  private endPass(): void {
    this.pass?.end();
    this.pass = undefined;
    this.lastPipeline = undefined;
  }

  private submitEncoder(): void {
    if (this.uniformCount > 0) {
      this.gpu.queue.writeBuffer(
        this.uniforms(),
        0,
        this.uniformData,
        0,
        (this.uniformCount * uniformSlot) / 4,
      );
      this.uniformCount = 0;
    }
    if (!this.encoder) return;
    this.gpu.queue.submit([this.encoder.finish()]);
    this.counts.submits++;
    this.encoder = undefined;
    this.passDispatches = 0;
    this.passSerial++;
    this.openReplays.clear();
    this.touched.clear();
  }

  private pack(kernel: Kernel, params: Readonly<Record<string, number>>): void {
    const fields = kernel.params;
    for (let i = 0; i < fields.length; i++) {
      const { name, type } = fields[i];
      const value = params[name];
      if (value === undefined) throw new ShaderError(`Kernel ${kernel.name} needs the parameter '${name}'.`);
      if (type === "f32") this.f32[i] = value;
      else if (type === "i32") this.i32[i] = value;
      else this.u32[i] = value;
    }
  }

  private uniforms(): GPUBuffer {
    this.uniformBuffer ??= this.gpu.createBuffer({
      size: uniformSlot * uniformSlots,
      usage: UNIFORM | COPY_DST,
      label: "parameters",
    });
    return this.uniformBuffer;
  }
}

function nestedCapture(): MelgradError {
  return new MelgradError("A captured function called another: capture only the outer one.");
}
