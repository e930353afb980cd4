// The device: one place through which every kernel runs. It looks at what it is asked for and hands it on, to be run
// (open-commands.ts) or, while a function is recorded, to be written down (recorder.ts); it reads back, and errors that WebGPU reports
// later surface there. Not here: choosing an adapter (host/), shapes and dtypes (tensor/).
import { type Block, BufferPool, tooLarge } from "./buffers.js";
import {
  type Capabilities,
  distrust,
  readCapabilities,
  wantedFeatures,
  wantedLimits,
} from "./capabilities.js";
import { byRule, type Chooser } from "./chooser.js";
import type { Allocation, Audit, Commands, DispatchObserver, Groups } from "./commands.js";
import { DeviceLostError, MelgradError, UsageError } from "./errors.js";
import { Failures } from "./failures.js";
import { lanesFault } from "./lanes.js";
import { OpenCommands } from "./open-commands.js";
import { Pace } from "./pace.js";
import type { Params } from "./parameters.js";
import { type Kernel, PipelineCache } from "./pipelines.js";
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

  private readonly ownTuner: Tuner | undefined;
  private readonly staging: Staging;
  private readonly failures: Failures;
  /** Commands that run. */
  private readonly open: OpenCommands<Program>;
  /** Where commands go now: there, or to a recorder. */
  private commands: Commands;

  private constructor(
    /** WebGPU's own device. */
    readonly gpu: GPUDevice,
    /** What it can do. */
    readonly capabilities: Capabilities,
    { passLength = 128, tuner, rewrite }: DeviceOptions,
  ) {
    this.failures = new Failures(gpu);
    this.waiting = new Waiting(gpu.queue);
    this.pace = new Pace(this.waiting);
    this.staging = new Staging(gpu, this.waiting, capabilities.maxBufferBytes);
    const watch = (error: Promise<Error | null>) => this.failures.watch(error);
    this.pool = new BufferPool(gpu, capabilities, (id) => this.pipelines.forgetBuffer(id), watch);
    this.ownTuner = tuner?.(capabilities);
    this.chooser = this.ownTuner ?? byRule(capabilities);
    this.pipelines = new PipelineCache(
      gpu,
      capabilities,
      () => this.open.uniforms,
      watch,
      this.chooser,
      rewrite,
    );
    this.commands = this.open = new OpenCommands(this, passLength);
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
    const make = () => new Device(device, capabilities, options);
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

  /**
   * The tuner that the device was opened with.
   *
   * @throws UsageError where it was opened without one, as by `melgrad/engine`, the smallest edition
   */
  get tuner(): Tuner {
    if (!this.ownTuner)
      throw new UsageError("This device has no tuner: give Device.open one (tuner: makeTuner).");
    return this.ownTuner;
  }

  /** The kernel for a shader (its name below shaders/) and its defines. */
  kernel(shader: string, defines?: Defines): Kernel {
    return this.pipelines.kernel(shader, defines);
  }

  /** Memory for a tensor: from the pool or, while a program is being recorded, promised for every run of it. */
  allocate(byteLength: number, holds?: Block["holds"]): Allocation {
    return this.commands.allocate(byteLength, holds);
  }

  /**
   * A block of `count` numbers. `fill` sets them now or, while a program is being recorded, before every run of it: so a
   * program can be given what changes from run to run. The block may be released after the dispatches that read it.
   */
  scalars(count: number, fill: (out: Float32Array) => void): Allocation {
    return this.commands.scalars(count, fill);
  }

  /** Whether commands are being written down instead of run. */
  get recording(): boolean {
    return this.commands !== this.open;
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
    this.refuseToNest();
    const recorder = new Recorder();
    this.commands = recorder;
    let result: T;
    try {
      result = work();
    } finally {
      this.commands = this.open;
    }
    const recording = recorder.finish(this.capabilities.maxBufferBytes);
    return { result, program: new Program(this, recording, label) };
  }

  /** For programs: begins a run, into these commands. One that is still open is submitted first: the two share memory and scalars. */
  startReplay(program: Program): OpenCommands<Program> {
    this.refuseToNest();
    return this.open.startReplay(program);
  }

  /**
   * Records one dispatch. `blocks` are bound in order; `params` fills the shader's Params by name (a missing or
   * unknown name throws). Nothing runs until the pass is submitted, and nothing at all where what it writes has no elements or
   * there are no workgroups.
   */
  run(kernel: Kernel, blocks: readonly Block[], params: Params | undefined, groups: Groups): void {
    this.check();
    const [x, y = 1, z = 1] = groups;
    const { bindings } = kernel;
    const idle = blocks.every(({ byteLength }, i) => byteLength === 0 || bindings[i] === "read");
    if ((idle && blocks.length === bindings.length) || x * y * z === 0) return;
    const { maxBindingBytes } = this.capabilities;
    for (const { bindingSize } of blocks) {
      if (bindingSize > maxBindingBytes) throw tooLarge(kernel.name, bindingSize, maxBindingBytes);
    }
    this.commands.run(kernel, blocks, params ?? {}, groups);
  }

  /**
   * Has the next readback look at these; while a function is recorded, at the one that its last dispatch finds out, after a run.
   *
   * @internal
   */
  audit(audits: readonly Audit[]): void {
    this.commands.audit(audits);
  }

  /** Submits what has been recorded. */
  flush(): void {
    this.commands.flush();
  }

  /** Writes `data` to the start of a block. Work recorded earlier still sees the old content. */
  write(block: Block, data: Float32Array | Int32Array | Uint32Array): void {
    this.check();
    if (data.byteLength > 0) this.commands.write(block, data);
  }

  /** Copies bytes between blocks of different buffers, in order with the recorded work. */
  copy(from: Block, to: Block, byteLength = from.byteLength): void {
    this.check();
    if (byteLength > 0) this.commands.copy(from, to, byteLength);
  }

  /** Zeroes a block, in order with the recorded work. */
  clear(block: Block): void {
    this.check();
    this.commands.clear(block);
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
    const audits = [...this.open.audits];
    this.open.audits.clear();
    const wanted: typeof parts = [...parts, ...audits.map(({ block }) => ({ block, byteLength: 8 }))];
    const results = wanted.map(({ byteLength, into }) => into ?? new Uint8Array(byteLength));
    const loads = packReads(wanted, this.staging.largest).map(({ bytes, pieces }) => ({
      ...{ bytes, pieces },
      staging: this.staging.acquire(bytes),
    }));
    if (loads.length === 0) return results.map(({ buffer }) => buffer);
    const encoder = this.open.encode();
    for (const { pieces, staging } of loads) {
      for (const { part, from, to, byteLength } of pieces) {
        const { buffer, offset } = wanted[part].block;
        encoder.copyBufferToBuffer(buffer, offset + from, staging, to, Math.ceil(byteLength / 4) * 4);
      }
    }
    this.open.flush();
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
    if (!this.recording) return;
    throw new MelgradError(
      "A captured function read back, but nothing runs while it is recorded: return the tensor and read it after the call.",
    );
  }

  private refuseToNest(): void {
    if (this.recording)
      throw new MelgradError("A captured function called another: capture only the outer one.");
  }
}
