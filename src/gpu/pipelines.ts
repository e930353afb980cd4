// Compiled kernels and their bind groups, each made once. A kernel is a shader with its defines; its bind group layout
// is derived from the shader's own declarations, and kernels of equal layout share bind groups.
import shaders from "melgrad:shaders";
import type { Block } from "./buffers.js";
import type { Capabilities } from "./capabilities.js";
import type { Chooser } from "./chooser.js";
import { ShaderError } from "./errors.js";
import { type Defines, type ExpandedShader, type ParamField, preprocess } from "./preprocess.js";

const COMPUTE_STAGE = 4; // GPUShaderStage.COMPUTE

/** `setImmediates` is newer than the published types. */
export interface ImmediatePass {
  setImmediates(offset: number, data: ArrayBuffer | Uint32Array, dataOffset?: number, size?: number): void;
}

interface Layout {
  id: number;
  group: GPUBindGroupLayout;
  pipeline: GPUPipelineLayout;
}

/** What a kernel is known by: the shader's name with its defines. */
export function keyOf(shader: string, defines: Defines): string {
  let key = shader;
  for (const name in defines) key += `|${name}=${defines[name]}`;
  return key;
}

/** A shader with its defines. It is compiled when it is first dispatched, or earlier by `compile`. */
export class Kernel {
  /** The shader's parameters, in order. */
  readonly params: readonly ParamField[];
  /** How each block is bound, in order. */
  readonly bindings: readonly ("read" | "read_write")[];
  private compiled: GPUComputePipeline | undefined;
  private compiling: Promise<void> | undefined;

  constructor(
    /** The shader's name below shaders/. */
    readonly name: string,
    /** The shader's name with its defines. */
    readonly key: string,
    /** What it is built with. */
    readonly defines: Defines,
    /** Shared by kernels of equal bindings. */
    readonly layout: Layout,
    private readonly shader: ExpandedShader,
    private readonly device: GPUDevice,
    private readonly onFailure: (error: Promise<Error | null>) => void,
  ) {
    this.params = shader.params;
    this.bindings = shader.bindings;
  }

  /** The expanded WGSL. */
  get code(): string {
    return this.shader.code;
  }

  /** The pipeline; compiles it here and now where `compile` has not. */
  get pipeline(): GPUComputePipeline {
    if (!this.compiled) {
      this.device.pushErrorScope("validation");
      const { module, descriptor } = this.describe();
      this.compiled = this.device.createComputePipeline(descriptor);
      this.onFailure(
        this.device.popErrorScope().then((error) => (error ? this.failure(module, error.message) : null)),
      );
    }
    return this.compiled;
  }

  /** Compiles beside other kernels, on the adapter's own threads. A failure surfaces at the next readback, like any other. */
  compile(): Promise<void> {
    if (this.compiled) return Promise.resolve();
    if (!this.compiling) {
      this.device.pushErrorScope("validation");
      const { module, descriptor } = this.describe();
      const pipeline = this.device.createComputePipelineAsync(descriptor);
      void this.device.popErrorScope(); // what is wrong with the module is told by the pipeline as well
      const failed = pipeline.then(
        (made) => {
          this.compiled ??= made;
          return null;
        },
        (error: unknown) => this.failure(module, error instanceof Error ? error.message : String(error)),
      );
      this.onFailure(failed);
      this.compiling = failed.then(() => {});
    }
    return this.compiling;
  }

  private describe(): { module: GPUShaderModule; descriptor: GPUComputePipelineDescriptor } {
    const module = this.device.createShaderModule({ label: this.name, code: this.shader.code });
    const compute = { module, entryPoint: "main" };
    return { module, descriptor: { label: this.name, layout: this.layout.pipeline, compute } };
  }

  private async failure(module: GPUShaderModule, message: string): Promise<Error> {
    const info = await module.getCompilationInfo();
    return new ShaderError(describeFailure(this.shader, info.messages, message));
  }
}

/** Bind groups that are kept; then all are forgotten, since tensors of ever other sizes would fill the memory with them. */
const mostBindGroups = 4096;

/** A device's kernels and bind groups, made when they are first asked for. */
export class PipelineCache {
  bindGroupsCreated = 0;
  private readonly kernels = new Map<string, Kernel>();
  private readonly layouts = new Map<string, Layout>();
  private readonly bindGroups = new Map<string, GPUBindGroup>();
  private readonly keysOfBuffer = new Map<number, Set<string>>();

  constructor(
    private readonly device: GPUDevice,
    private readonly capabilities: Capabilities,
    private readonly uniforms: () => GPUBuffer,
    private readonly onFailure: (error: Promise<Error | null>) => void,
    /** Says what is built instead of a kernel that is wrong here. */
    private readonly verdicts: Pick<Chooser, "instead">,
    /** Replaces a kernel's text: for tests that need a kernel to be wrong. */
    private readonly rewrite?: (code: string, key: string) => string,
  ) {}

  get kernelCount(): number {
    return this.kernels.size;
  }

  /** The kernel for a shader and its defines; the same one for the same defines. */
  kernel(shader: string, defines: Defines = {}): Kernel {
    const key = keyOf(shader, defines);
    const instead = this.verdicts.instead(key, shader, defines);
    return instead
      ? this.made(instead.key, shader, instead.defines, instead.text)
      : this.made(key, shader, defines);
  }

  /** The bind group that binds `blocks`, in order, to a kernel. */
  bindGroup(kernel: Kernel, blocks: readonly Block[]): GPUBindGroup {
    let key = String(kernel.layout.id);
    for (const block of blocks) key += `|${block.bufferId}:${block.offset}:${block.bindingSize}`;
    let group = this.bindGroups.get(key);
    if (!group) {
      if (this.bindGroups.size >= mostBindGroups) {
        this.bindGroups.clear();
        this.keysOfBuffer.clear();
      }
      group = this.createBindGroup(kernel, blocks);
      this.bindGroups.set(key, group);
      for (const block of blocks) {
        const keys = this.keysOfBuffer.get(block.bufferId);
        if (keys) keys.add(key);
        else this.keysOfBuffer.set(block.bufferId, new Set([key]));
      }
    }
    return group;
  }

  /** Forgets every bind group that holds a destroyed buffer. */
  forgetBuffer(bufferId: number): void {
    for (const key of this.keysOfBuffer.get(bufferId) ?? []) this.bindGroups.delete(key);
    this.keysOfBuffer.delete(bufferId);
  }

  /** A new bind group, kept nowhere. `parameters` replaces the device's own buffer of them where there are no immediates. */
  createBindGroup(kernel: Kernel, blocks: readonly Block[], parameters?: GPUBuffer): GPUBindGroup {
    if (blocks.length !== kernel.bindings.length) {
      throw new ShaderError(
        `Kernel ${kernel.name} binds ${kernel.bindings.length} buffers but was given ${blocks.length}.`,
      );
    }
    const entries: GPUBindGroupEntry[] = blocks.map((block, binding) => ({
      binding,
      resource: { buffer: block.buffer, offset: block.offset, size: block.bindingSize },
    }));
    if (kernel.params.length > 0 && !this.capabilities.immediates) {
      const buffer = parameters ?? this.uniforms();
      entries.push({ binding: blocks.length, resource: { buffer, offset: 0, size: 64 } });
    }
    this.bindGroupsCreated++;
    return this.device.createBindGroup({ layout: kernel.layout.group, entries });
  }

  private made(key: string, shader: string, defines: Defines, given?: ExpandedShader): Kernel {
    let kernel = this.kernels.get(key);
    if (!kernel) {
      const { immediates } = this.capabilities;
      let text = given ?? preprocess(shaders, shader, defines, { immediates });
      if (this.rewrite) text = { ...text, code: this.rewrite(text.code, key) };
      kernel = new Kernel(shader, key, defines, this.layoutFor(text), text, this.device, this.onFailure);
      this.kernels.set(key, kernel);
    }
    return kernel;
  }

  private layoutFor(shader: ExpandedShader): Layout {
    const hasParams = shader.params.length > 0;
    const key = `${shader.bindings.join()}${hasParams ? "+p" : ""}`;
    let layout = this.layouts.get(key);
    if (!layout) {
      const entries: GPUBindGroupLayoutEntry[] = shader.bindings.map((access, binding) => ({
        binding,
        visibility: COMPUTE_STAGE,
        buffer: { type: access === "read" ? "read-only-storage" : "storage" },
      }));
      const uniform = hasParams && !this.capabilities.immediates;
      if (uniform) {
        entries.push({
          binding: entries.length,
          visibility: COMPUTE_STAGE,
          buffer: { type: "uniform", hasDynamicOffset: true, minBindingSize: 0 },
        });
      }
      const group = this.device.createBindGroupLayout({ entries });
      const pipeline = this.device.createPipelineLayout({
        bindGroupLayouts: [group],
        ...(hasParams && !uniform ? { immediateSize: 64 } : {}),
      });
      layout = { id: this.layouts.size, group, pipeline };
      this.layouts.set(key, layout);
    }
    return layout;
  }
}

/** An error message that shows the WGSL lines that the compiler complains of, by file and line. */
export function describeFailure(
  shader: ExpandedShader,
  messages: Iterable<{ type: string; lineNum: number; linePos: number; message: string }>,
  fallback: string,
): string {
  const lines = shader.code.split("\n");
  const reports: string[] = [];
  for (const { type, lineNum, linePos, message } of messages) {
    if (type !== "error") continue;
    const origin = shader.origin[lineNum - 1];
    const where = origin ? `shaders/${origin.file}.wgsl:${origin.line}` : `shaders/${shader.name}.wgsl`;
    const source = lines[lineNum - 1] ?? "";
    reports.push(`${where}: ${message}\n    ${source}\n    ${" ".repeat(Math.max(0, linePos - 1))}^`);
  }
  return reports.length > 0
    ? `A shader did not compile.\n${reports.join("\n")}`
    : `Kernel ${shader.name} was refused: ${fallback}`;
}
