// Tensor: a shape and a dtype over a block of GPU memory, and its place in the autograd graph. Tensors are always
// contiguous and row-major; a reshape shares memory, every other rearrangement copies. The operations are added to the
// class by ops/, which is why `x.add(y)` is not found here.
import type { Block } from "../gpu/buffers.js";
import { MelgradError, ShapeError } from "../gpu/errors.js";
import type { Gpu } from "./gpu.js";
import { fromHalf, toHalf } from "./half.js";
import { formatShape, type Shape, sizeOf } from "./shape.js";

/**
 * f32 for values, i32 for indices and class labels, f16 for values that products read in half the memory (every other operation
 * wants them cast). Gradients are f32 always.
 */
export type DType = "f32" | "i32" | "f16";

/** Memory shared by a tensor and its reshapes. */
export interface Storage {
  readonly block: Block;
  references: number;
  /** Gives the memory back; undefined for memory that somebody else owns (an arena). */
  readonly release: (() => void) | undefined;
}

/** How a tensor was computed. */
export interface GradNode {
  readonly op: string;
  readonly inputs: readonly Tensor[];
  /**
   * Gradients of the inputs, given that of the output; undefined for inputs that need none. `into[i]`, where there is
   * one, is memory that the gradient of input i may be written to instead of new memory.
   */
  backward(grad: Tensor, into: readonly (Tensor | undefined)[]): (Tensor | undefined)[];
}

/**
 * Numbers on the device: a shape and a dtype over GPU memory, contiguous and row-major. Operations are methods and functions
 * alike.
 */
export class Tensor {
  /** Number of elements. */
  readonly size: number;
  /** Whether gradients are wanted. True for results that depend on such a tensor. */
  requiresGrad = false;
  /** Set by `backward()` on leaves that require gradients. */
  grad: Tensor | undefined;
  /** Memory in which `grad` is placed, for parameters whose gradients share an arena. */
  gradSlot: Tensor | undefined;
  /** How it was computed, where gradients are recorded. */
  node: GradNode | undefined;
  private disposed = false;

  constructor(
    /** Where it lives. */
    readonly gpu: Gpu,
    /** Its memory, which reshapes share. */
    readonly storage: Storage,
    /** Lengths of the axes. */
    readonly shape: Shape,
    /** Type of the elements. */
    readonly dtype: DType = "f32",
  ) {
    this.size = sizeOf(shape);
    storage.references++;
    gpu.track(this);
  }

  /** Number of axes. */
  get rank(): number {
    return this.shape.length;
  }

  /** Bytes of memory, a multiple of 4. */
  get byteLength(): number {
    return byteLengthOf(this.size, this.dtype);
  }

  /** The memory, for kernels. Throws if the tensor has been disposed. */
  get block(): Block {
    if (this.disposed) {
      throw new MelgradError(
        `A tensor of shape ${formatShape(this.shape)} was used after it was disposed: return it from its scope or call keep().`,
      );
    }
    return this.storage.block;
  }

  /** Whether its memory was given back. */
  get isDisposed(): boolean {
    return this.disposed;
  }

  /** A tensor over the same memory, without a place in the autograd graph. */
  alias(shape: Shape = this.shape): Tensor {
    if (sizeOf(shape) !== this.size) {
      throw new ShapeError(`${formatShape(this.shape)} cannot be viewed as ${formatShape(shape)}.`);
    }
    void this.block; // throws when disposed
    return new Tensor(this.gpu, this.storage, shape, this.dtype);
  }

  /** The same values, cut off from the graph. */
  detach(): Tensor {
    return this.alias();
  }

  /** Marks a leaf as a parameter. */
  withGrad(): this {
    this.requiresGrad = true;
    return this;
  }

  /**
   * Reads the values back, row-major. This submits recorded work and waits for it; what failed on the device is thrown here
   * (DeviceLostError, OutOfMemoryError, ShaderError).
   */
  async data(): Promise<Float32Array<ArrayBuffer>> {
    const bytes = await this.gpu.device.read(this.block, this.byteLength);
    if (this.dtype === "f16") return fromHalf(new Uint16Array(bytes, 0, this.size));
    return this.dtype === "f32" ? new Float32Array(bytes) : Float32Array.from(new Int32Array(bytes));
  }

  /** Reads indices back. Throws ShapeError for float tensors. */
  async indices(): Promise<Int32Array<ArrayBuffer>> {
    if (this.dtype !== "i32")
      throw new ShapeError(`indices() reads i32 tensors; this one is ${this.dtype}: use data().`);
    return new Int32Array(await this.gpu.device.read(this.block, this.byteLength));
  }

  /** Reads a single value back. Throws ShapeError where there is not exactly one. */
  async item(): Promise<number> {
    if (this.size !== 1) {
      throw new ShapeError(`item() needs one element; this tensor is ${formatShape(this.shape)}.`);
    }
    return (await this.data())[0];
  }

  /** Overwrites the values, row-major. Throws ShapeError where there are not as many. */
  write(values: Float32Array | Int32Array | readonly number[]): this {
    if (values.length !== this.size) {
      throw new ShapeError(
        `${values.length} values do not fill a tensor of shape ${formatShape(this.shape)}.`,
      );
    }
    this.gpu.device.write(this.block, encode(values, this.dtype));
    return this;
  }

  /** Takes the tensor out of its scope, so that it lives until it is disposed. */
  keep(): this {
    this.gpu.untrack(this);
    return this;
  }

  /** Gives the memory back once no reshape of this tensor uses it either. */
  dispose(): void {
    if (this.disposed) return;
    this.disposed = true;
    this.node = undefined;
    this.gpu.untrack(this);
    if (--this.storage.references === 0) this.storage.release?.();
  }

  /** As `dispose`, for `using`. */
  [Symbol.dispose](): void {
    this.dispose();
  }

  /** Shape and dtype, for logs; no values. */
  toString(): string {
    const by = this.node ? ` from ${this.node.op}` : "";
    return `Tensor(${formatShape(this.shape)}, ${this.dtype}${by})`;
  }
}

/** Bytes of `size` elements, a multiple of 4, which is what copies take. */
export function byteLengthOf(size: number, dtype: DType): number {
  return dtype === "f16" ? 4 * Math.ceil(size / 2) : 4 * size;
}

function encode(
  values: Float32Array | Int32Array | readonly number[],
  dtype: DType,
): Float32Array | Int32Array | Uint32Array {
  if (dtype === "i32") return toInt32(values);
  if (dtype === "f32") return toFloat32(values);
  const padded = new Uint16Array(2 * Math.ceil(values.length / 2));
  padded.set(toHalf(values));
  return new Uint32Array(padded.buffer);
}

function toFloat32(values: Float32Array | Int32Array | readonly number[]): Float32Array {
  return values instanceof Float32Array ? values : Float32Array.from(values);
}

function toInt32(values: Float32Array | Int32Array | readonly number[]): Int32Array {
  return values instanceof Int32Array ? values : Int32Array.from(values);
}
