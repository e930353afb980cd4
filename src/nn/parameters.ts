// A model's parameters: named tensors whose values share one arena and whose gradients share another, so that an
// optimiser step, the gradient norm and a checkpoint touch a handful of buffers however many parameters there are.
import type { Block } from "../gpu/buffers.js";
import { DataError } from "../gpu/errors.js";
import type { Gpu } from "../tensor/gpu.js";
import type { Random } from "../tensor/random.js";
import { formatShape, type Shape, sameShape, sizeOf } from "../tensor/shape.js";
import type { Tensor } from "../tensor/tensor.js";

/** How one parameter starts. */
export interface ParameterSpec {
  /** Unique in its set; timm's names in Patchifier. */
  name: string;
  /** Lengths of the axes; linear weights are [out, in]. */
  shape: Shape;
  /** Draws the initial values. */
  init(size: number, random: Random): Float32Array;
}

/** Values on the CPU. */
export interface NamedValue {
  /** Lengths of the axes. */
  shape: Shape;
  /** Row-major elements. */
  data: Float32Array;
}

/** Values by parameter name. */
export type NamedValues = ReadonlyMap<string, NamedValue>;

/** Elements that one workgroup of an optimiser kernel handles. */
export const chunkSize = 1024;

/** An arena with one block for each parameter: values, gradients or an optimiser's moments. */
export interface ParameterArena {
  /** All of it, padding between parameters included. */
  whole: Block;
  /** One for each parameter, in the order of the set. */
  blocks: Block[];
  /** Gives the memory back. */
  destroy(): void;
}

/** A model's parameters by name, with gradients. Values lie in one arena and gradients in another of the same layout. */
export class ParameterSet {
  /** In the order of the specs. */
  readonly names: readonly string[];
  private readonly tensors = new Map<string, Tensor>();
  private readonly values: ParameterArena;
  private readonly gradients: ParameterArena;
  private readonly sizes: number[];

  constructor(
    /** Where they live. */
    readonly gpu: Gpu,
    /** What the set was made from. */
    readonly specs: readonly ParameterSpec[],
    random: Random,
  ) {
    this.names = specs.map(({ name }) => name);
    this.sizes = specs.map(({ shape }) => sizeOf(shape) * 4);
    this.values = this.arena("parameters");
    this.gradients = this.arena("gradients");
    specs.forEach(({ name, shape, init }, i) => {
      const tensor = gpu.view(this.values.blocks[i], shape).withGrad();
      tensor.gradSlot = gpu.view(this.gradients.blocks[i], shape);
      tensor.write(init(tensor.size, random));
      this.tensors.set(name, tensor);
    });
  }

  /** Number of scalars. */
  get count(): number {
    return this.sizes.reduce((total, bytes) => total + bytes / 4, 0);
  }

  /** The tensor of a name. Throws DataError where there is none. */
  get(name: string): Tensor {
    const tensor = this.tensors.get(name);
    if (!tensor) throw new DataError(`The model has no parameter '${name}'.`);
    return tensor;
  }

  /** The values' arena, and the gradients'. */
  get arenas(): {
    /** All values. */
    values: Block;
    /** All gradients. */
    gradients: Block;
  } {
    return { values: this.values.whole, gradients: this.gradients.whole };
  }

  /** A zeroed arena of the same layout. */
  arena(label: string): ParameterArena {
    return this.gpu.device.pool.arena(this.sizes, label);
  }

  /** [first float, floats] of every piece of at most `chunkSize` elements; no piece spans two parameters. */
  chunks(): Uint32Array {
    const table: number[] = [];
    this.values.blocks.forEach((block, i) => {
      const elements = this.sizes[i] / 4;
      for (let at = 0; at < elements; at += chunkSize) {
        table.push(block.offset / 4 + at, Math.min(chunkSize, elements - at));
      }
    });
    return Uint32Array.from(table);
  }

  /** Forgets all gradients; memory is cleared so that a parameter that gets none has gradient zero. */
  zeroGrad(): void {
    for (const tensor of this.tensors.values()) tensor.grad = undefined;
    this.gpu.device.clear(this.gradients.whole);
  }

  /** Reads every value of an arena of this layout (the parameters' own by default) in one wait. */
  async read(arena: ParameterArena = this.values): Promise<Map<string, NamedValue>> {
    const { whole, blocks } = arena;
    const bytes = await this.gpu.device.read(whole);
    return new Map(
      this.specs.map(({ name, shape }, i) => [
        name,
        { shape, data: new Float32Array(bytes, blocks[i].offset, sizeOf(shape)) },
      ]),
    );
  }

  /** Overwrites every value of an arena of this layout. Throws DataError where a name is missing or a shape is another. */
  write(values: NamedValues, arena: ParameterArena = this.values): void {
    for (const { name, shape } of this.specs) {
      const found = values.get(name);
      if (!found) throw new DataError(`The weights lack '${name}': they are of another model.`);
      if (!sameShape(found.shape, shape)) {
        throw new DataError(
          `'${name}' is ${formatShape(found.shape)} in the weights but ${formatShape(shape)} in this model.`,
        );
      }
    }
    const staged = new Float32Array(arena.whole.byteLength / 4);
    this.specs.forEach(({ name }, i) => {
      staged.set(values.get(name)?.data ?? [], arena.blocks[i].offset / 4);
    });
    this.gpu.device.write(arena.whole, staged);
  }

  /** Gives all memory back. */
  dispose(): void {
    this.values.destroy();
    this.gradients.destroy();
  }
}
