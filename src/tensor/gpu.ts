// Gpu: what `open()` returns. It makes tensors, owns the device, and knows which scope is open and whether gradients
// are being recorded. Not here: operations on tensors (ops/), adapters (host/).
import type { Block } from "../gpu/buffers.js";
import type { Device } from "../gpu/device.js";
import { MelgradError, ShapeError } from "../gpu/errors.js";
import { type MemoryReport, memoryReport } from "../gpu/memory.js";
import { Random } from "./random.js";
import { formatShape, type Shape, sizeOf } from "./shape.js";
import { byteLengthOf, type DType, type Storage, Tensor } from "./tensor.js";

/** What a new tensor is. */
export interface TensorOptions {
  /** Whether it is a leaf that gradients are wanted of. Default false. */
  requiresGrad?: boolean;
  /** Default f32, or i32 for an Int32Array. */
  dtype?: DType;
}

/** Nested numbers, all lists of a level equally long. */
export type NestedNumbers = number | readonly NestedNumbers[];

/** Has the indices of `op` looked at, which must lie in 0…bound-1 or be `ignore`. */
export type IndexCheck = (op: string, index: Tensor, bound: number, ignore?: number) => void;

/** An opened adapter: makes tensors, opens scopes, closes the device. `open()` gives it. */
export class Gpu {
  /** Source of `randn` and `rand`; reseed with `seed()`. */
  random = new Random(0);
  /**
   * When operations have their indices and class labels looked at on the device, so that the next readback throws IndexError for one
   * that is outside: in the first run of every captured function ("first", the default, so in a training's first step), in every
   * operation ("always"), or "never". What an operation does with such an index otherwise is said at each. `melgrad/engine`, the
   * smallest edition, never looks.
   */
  checkIndices: "first" | "always" | "never" = "first";
  private scopes: Set<Tensor>[] = [];
  private gradDisabled = 0;

  constructor(
    /** The device below, for kernels of one's own. */
    readonly device: Device,
    private readonly onClose: () => void = () => {},
    /** Has indices looked at before an operation uses them (ops/indices.ts); absent: none are. */
    readonly lookAt?: IndexCheck,
  ) {}

  /** Whether results of operations remember how they were computed. */
  get recordsGradients(): boolean {
    return this.gradDisabled === 0;
  }

  /**
   * Makes a tensor from typed or nested numbers. The shape is inferred from nesting where it is not given. Throws ShapeError where
   * the values do not fill the shape.
   */
  tensor(
    data: Float32Array | Int32Array | NestedNumbers,
    shape?: Shape,
    options: TensorOptions = {},
  ): Tensor {
    const flat = flatten(data);
    const target = shape ?? inferShape(data);
    if (flat.length !== sizeOf(target)) {
      throw new ShapeError(`${flat.length} values do not fill a tensor of shape ${formatShape(target)}.`);
    }
    const dtype = options.dtype ?? (flat instanceof Int32Array ? "i32" : "f32");
    const tensor = this.empty(target, { ...options, dtype });
    return tensor.write(flat);
  }

  /** Uninitialised memory: for kernels that write all of it. */
  empty(shape: Shape, options: TensorOptions = {}): Tensor {
    const { dtype = "f32" } = options;
    if (dtype === "f16" && !this.device.capabilities.f16) {
      throw new MelgradError("This adapter computes no half precision (it lacks shader-f16): use f32 here.");
    }
    const { block, release } = this.device.allocate(byteLengthOf(sizeOf(shape), dtype), shape);
    const storage: Storage = { block, references: 0, release };
    const tensor = new Tensor(this, storage, shape, dtype);
    tensor.requiresGrad = options.requiresGrad ?? false;
    return tensor;
  }

  /**
   * `count` numbers that `fill` sets now or, in a captured function, before each of its runs: what changes from run to run.
   */
  scalars(count: number, fill: (out: Float32Array) => void): Tensor {
    const { block, release } = this.device.scalars(count, fill);
    return new Tensor(this, { block, references: 0, release }, [count]);
  }

  /** A tensor over memory that somebody else owns, such as a slot of an arena. It belongs to no scope. */
  view(block: Block, shape: Shape, dtype: DType = "f32"): Tensor {
    return new Tensor(this, { block, references: 0, release: undefined }, shape, dtype).keep();
  }

  /** A tensor of zeros. Throws OutOfMemoryError where there is no room, at the latest at the next readback. */
  zeros(shape: Shape, options: TensorOptions = {}): Tensor {
    const tensor = this.empty(shape, options);
    this.device.clear(tensor.block);
    return tensor;
  }

  /** A tensor that holds `value` everywhere. */
  full(shape: Shape, value: number, options: TensorOptions = {}): Tensor {
    return this.tensor(new Float32Array(sizeOf(shape)).fill(value), shape, { dtype: "f32", ...options });
  }

  /** A tensor of ones. */
  ones(shape: Shape, options: TensorOptions = {}): Tensor {
    return this.full(shape, 1, options);
  }

  /** Standard normal values from the seeded generator. */
  randn(shape: Shape, options: TensorOptions = {}): Tensor {
    const values = Float32Array.from({ length: sizeOf(shape) }, () => this.random.normal());
    return this.tensor(values, shape, options);
  }

  /** Uniform values in [0, 1) from the seeded generator. */
  rand(shape: Shape, options: TensorOptions = {}): Tensor {
    const values = Float32Array.from({ length: sizeOf(shape) }, () => this.random.uniform());
    return this.tensor(values, shape, options);
  }

  /** Restarts the generator behind `randn` and `rand`. */
  seed(seed: number): void {
    this.random = new Random(seed);
  }

  /**
   * Runs `work` and disposes every tensor made in it, except those that it returns (also in arrays and plain objects)
   * or that were kept. `work` must be synchronous: read values back after the scope, from what it returned.
   */
  scope<T>(work: () => T): T {
    const mine = new Set<Tensor>();
    this.scopes.push(mine);
    let result: T;
    try {
      result = work();
    } catch (error) {
      this.scopes.pop();
      for (const tensor of mine) tensor.dispose();
      throw error;
    }
    this.scopes.pop();
    if (result instanceof Promise) {
      throw new ShapeError("scope() takes a synchronous function: read results back after the scope.");
    }
    const outer = this.scopes.at(-1);
    for (const tensor of tensorsIn(result)) {
      if (mine.delete(tensor)) outer?.add(tensor);
    }
    for (const tensor of mine) tensor.dispose();
    return result;
  }

  /** Runs `work` without recording gradients. */
  noGrad<T>(work: () => T): T {
    this.gradDisabled++;
    try {
      return work();
    } finally {
      this.gradDisabled--;
    }
  }

  /** Called by tensors. */
  track(tensor: Tensor): void {
    this.scopes.at(-1)?.add(tensor);
  }

  /** Called by tensors. */
  untrack(tensor: Tensor): void {
    for (const scope of this.scopes) scope.delete(tensor);
  }

  /** What the device holds and held at most; the largest things by name. Bytes. */
  memoryReport(options: { largest?: number } = {}): MemoryReport {
    return memoryReport(this.device.pool, options.largest);
  }

  /** Destroys the device and every tensor on it. */
  close(): void {
    this.device.close();
    this.onClose();
  }
}

function flatten(data: Float32Array | Int32Array | NestedNumbers): Float32Array | Int32Array {
  if (data instanceof Float32Array || data instanceof Int32Array) return data;
  const values =
    typeof data === "number" ? [data] : (data as readonly unknown[]).flat(Number.POSITIVE_INFINITY);
  return Float32Array.from(values as number[]);
}

function inferShape(data: Float32Array | Int32Array | NestedNumbers): number[] {
  if (data instanceof Float32Array || data instanceof Int32Array) return [data.length];
  const shape: number[] = [];
  let level: NestedNumbers = data;
  while (typeof level !== "number") {
    shape.push(level.length);
    if (level.length === 0) break;
    level = level[0];
  }
  return shape;
}

function* tensorsIn(value: unknown, depth = 0): Generator<Tensor> {
  if (value instanceof Tensor) yield value;
  else if (depth < 4 && Array.isArray(value)) for (const item of value) yield* tensorsIn(item, depth + 1);
  else if (
    depth < 4 &&
    value !== null &&
    typeof value === "object" &&
    Object.getPrototypeOf(value) === Object.prototype
  ) {
    for (const item of Object.values(value)) yield* tensorsIn(item, depth + 1);
  }
}
