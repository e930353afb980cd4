// Compiled kernels and their bind groups, each made once. A kernel is a shader with its defines; its bind group layout
// is derived from the shader's own declarations, and kernels of equal layout share bind groups.
import shaders from "melgrad:shaders";
import type { Block } from "./buffers.js";
import type { Capabilities } from "./capabilities.js";
import { ShaderError } from "./errors.js";
import { type Defines, type ExpandedShader, type ParamField, preprocess } from "./preprocess.js";

const COMPUTE_STAGE = 4; // GPUShaderStage.COMPUTE

interface Layout {
  id: number;
  group: GPUBindGroupLayout;
  pipeline: GPUPipelineLayout;
}

/** A compiled kernel. */
export interface Kernel {
  readonly name: string;
  /** The shader's name with its defines. */
  readonly key: string;
  readonly pipeline: GPUComputePipeline;
  readonly layout: Layout;
  readonly params: readonly ParamField[];
  readonly bindings: readonly ("read" | "read_write")[];
}

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
  ) {}

  get kernelCount(): number {
    return this.kernels.size;
  }

  /** The kernel for a shader and its defines, compiled on first use. */
  kernel(shader: string, defines: Defines = {}): Kernel {
    let key = shader;
    for (const name in defines) key += `|${name}=${defines[name]}`;
    let kernel = this.kernels.get(key);
    if (!kernel) {
      kernel = this.compile(key, shader, defines);
      this.kernels.set(key, kernel);
    }
    return kernel;
  }

  /** The bind group that binds `blocks`, in order, to a kernel. */
  bindGroup(kernel: Kernel, blocks: readonly Block[]): GPUBindGroup {
    let key = String(kernel.layout.id);
    for (const block of blocks) key += `|${block.bufferId}:${block.offset}:${block.bindingSize}`;
    let group = this.bindGroups.get(key);
    if (!group) {
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

  private createBindGroup(kernel: Kernel, blocks: readonly Block[]): GPUBindGroup {
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
      entries.push({ binding: blocks.length, resource: { buffer: this.uniforms(), offset: 0, size: 64 } });
    }
    this.bindGroupsCreated++;
    return this.device.createBindGroup({ layout: kernel.layout.group, entries });
  }

  private compile(key: string, shader: string, defines: Defines): Kernel {
    const expanded = preprocess(shaders, shader, defines, { immediates: this.capabilities.immediates });
    const layout = this.layoutFor(expanded);
    this.device.pushErrorScope("validation");
    const module = this.device.createShaderModule({ label: shader, code: expanded.code });
    const pipeline = this.device.createComputePipeline({
      label: shader,
      layout: layout.pipeline,
      compute: { module, entryPoint: "main" },
    });
    this.onFailure(
      this.device.popErrorScope().then(async (error) => {
        if (!error) return null;
        const info = await module.getCompilationInfo();
        return new ShaderError(describeFailure(expanded, info.messages, error.message));
      }),
    );
    return { name: shader, key, pipeline, layout, params: expanded.params, bindings: expanded.bindings };
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
