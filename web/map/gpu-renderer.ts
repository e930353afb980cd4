// Draws the map with WebGPU: lines, then points as discs, on a device of the page's own. Losing that device is told to whoever
// opened it (stage.ts), which opens another. The engine's device lives in the worker and is not touched.
import linesCode from "./lines.wgsl";
import pointsCode from "./points.wgsl";
import { type Frame, pixelSize, type Renderer, type Scene, SMALLEST } from "./scene.js";

const FRAME_FLOATS = 16 + 4 + 4 + 8;
const LINE_BYTES = 32;

/** Opens a device and the canvas on it; undefined where the browser has no WebGPU or no adapter. */
export async function openGpuRenderer(
  canvas: HTMLCanvasElement,
  onLost: (reason: string) => void,
): Promise<Renderer | undefined> {
  const adapter = await navigator.gpu?.requestAdapter({ powerPreference: "low-power" });
  if (!adapter) return undefined;
  const device = await adapter.requestDevice();
  const context = canvas.getContext("webgpu");
  if (!context) {
    device.destroy();
    return undefined;
  }
  const renderer = new GpuRenderer(device, context, canvas);
  device.lost.then((info) => {
    if (!renderer.disposed) onLost(info.message || info.reason);
  });
  return renderer;
}

class GpuRenderer implements Renderer {
  readonly kind = "webgpu";
  disposed = false;
  private readonly frameBuffer: GPUBuffer;
  private readonly frameData = new Float32Array(FRAME_FLOATS);
  private readonly pointsPipeline: GPURenderPipeline;
  private readonly linesPipeline: GPURenderPipeline;
  private points?: GPUBuffer;
  private order?: GPUBuffer;
  private pointsGroup?: GPUBindGroup;
  private lines?: GPUBuffer;
  private linesGroup?: GPUBindGroup;
  private lineCount = 0;
  private pointsVersion = 0;
  private linesVersion = 0;

  constructor(
    private readonly device: GPUDevice,
    private readonly context: GPUCanvasContext,
    private readonly canvas: HTMLCanvasElement,
  ) {
    const format = navigator.gpu.getPreferredCanvasFormat();
    context.configure({ device, format, alphaMode: "premultiplied" });
    this.frameBuffer = device.createBuffer({
      label: "map frame",
      size: 4 * FRAME_FLOATS,
      usage: GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST,
    });
    const over: GPUBlendComponent = { srcFactor: "one", dstFactor: "one-minus-src-alpha" };
    const pipeline = (code: string) => {
      const module = device.createShaderModule({ code });
      return device.createRenderPipeline({
        layout: "auto",
        vertex: { module },
        fragment: { module, targets: [{ format, blend: { color: over, alpha: over } }] },
      });
    };
    this.pointsPipeline = pipeline(pointsCode);
    this.linesPipeline = pipeline(linesCode);
  }

  draw(scene: Scene, frame: Frame): void {
    if (this.disposed || this.canvas.width === 0 || this.canvas.height === 0) return;
    this.upload(scene, frame);
    const { device } = this;
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginRenderPass({
      colorAttachments: [
        {
          view: this.context.getCurrentTexture().createView(),
          loadOp: "clear",
          storeOp: "store",
          clearValue: [0, 0, 0, 0],
        },
      ],
    });
    if (this.linesGroup && this.lineCount > 0) {
      pass.setPipeline(this.linesPipeline);
      pass.setBindGroup(0, this.linesGroup);
      pass.draw(6 * this.lineCount);
    }
    if (this.pointsGroup && frame.order.length > 0) {
      pass.setPipeline(this.pointsPipeline);
      pass.setBindGroup(0, this.pointsGroup);
      pass.draw(6 * frame.order.length);
    }
    pass.end();
    device.queue.submit([encoder.finish()]);
  }

  finished(): Promise<void> {
    return this.device.queue.onSubmittedWorkDone().then(() => undefined);
  }

  dispose(): void {
    this.disposed = true;
    this.device.destroy();
  }

  private upload(scene: Scene, frame: Frame): void {
    const { queue } = this.device;
    const data = this.frameData;
    data.set(frame.viewProjection as Float32Array, 0);
    for (let i = 0; i < 4; i++) {
      data[16 + i] = scene.background[i] / 255;
      data[20 + i] = scene.ink[i] / 255;
    }
    const radius = scene.size * pixelSize(frame);
    data.set([this.canvas.width, this.canvas.height, frame.ratio, radius * frame.ratio], 24);
    data.set([SMALLEST * frame.ratio, frame.front, frame.back, 0], 28);
    queue.writeBuffer(this.frameBuffer, 0, data);

    if (this.pointsVersion !== scene.pointsVersion) {
      this.pointsVersion = scene.pointsVersion;
      const packed = packPoints(scene);
      if (!this.points || this.points.size < packed.byteLength) this.makePointBuffers(packed.byteLength);
      if (packed.byteLength > 0) queue.writeBuffer(this.points!, 0, packed);
    }
    if (frame.order.length > 0) queue.writeBuffer(this.order!, 0, frame.order as Uint32Array<ArrayBuffer>);
    if (this.linesVersion !== scene.linesVersion) {
      this.linesVersion = scene.linesVersion;
      const packed = packLines(scene);
      this.lineCount = scene.lines.length;
      if (!this.lines || this.lines.size < packed.byteLength) {
        this.lines?.destroy();
        this.lines = this.device.createBuffer({
          label: "map lines",
          size: Math.max(LINE_BYTES * 256, 2 * packed.byteLength),
          usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST,
        });
        this.linesGroup = this.group(this.linesPipeline, [this.frameBuffer, this.lines]);
      }
      queue.writeBuffer(this.lines, 0, packed);
    }
  }

  /** Room for the points and half as many again, and for their order. */
  private makePointBuffers(bytes: number): void {
    const count = Math.max(64, Math.ceil((1.5 * bytes) / 16));
    this.points?.destroy();
    this.order?.destroy();
    const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST;
    this.points = this.device.createBuffer({ label: "map points", size: 16 * count, usage });
    this.order = this.device.createBuffer({ label: "map order", size: 4 * count, usage });
    this.pointsGroup = this.group(this.pointsPipeline, [this.frameBuffer, this.points, this.order]);
  }

  /** The buffers at bindings 0, 1, … */
  private group(pipeline: GPURenderPipeline, buffers: readonly GPUBuffer[]): GPUBindGroup {
    const entries = buffers.map((buffer, binding) => ({ binding, resource: { buffer } }));
    return this.device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries });
  }
}

/** [n] of position (3 × f32) and colour with look (u32): 16 bytes each. */
function packPoints({ positions, colours, looks }: Scene): ArrayBuffer {
  const n = looks.length;
  const packed = new ArrayBuffer(16 * n);
  const floats = new Float32Array(packed);
  const words = new Uint32Array(packed);
  for (let i = 0; i < n; i++) {
    floats[4 * i] = positions[3 * i];
    floats[4 * i + 1] = positions[3 * i + 1];
    floats[4 * i + 2] = positions[3 * i + 2];
    words[4 * i + 3] =
      colours[4 * i] | (colours[4 * i + 1] << 8) | (colours[4 * i + 2] << 16) | (looks[i] << 24);
  }
  return packed;
}

/** From (3 × f32), width (f32), to (3 × f32), colour (4 × u8): 32 bytes each. */
function packLines({ lines }: Scene): ArrayBuffer {
  const packed = new ArrayBuffer(LINE_BYTES * lines.length);
  const floats = new Float32Array(packed);
  const bytes = new Uint8Array(packed);
  for (const [i, { from, to, colour, width }] of lines.entries()) {
    for (let k = 0; k < 3; k++) {
      floats[8 * i + k] = from[k];
      floats[8 * i + 4 + k] = to[k];
    }
    floats[8 * i + 3] = width;
    bytes.set(colour, LINE_BYTES * i + 28);
  }
  return packed;
}
