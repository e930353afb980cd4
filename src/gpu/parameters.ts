// A dispatch's parameters as its kernel reads them: numbers by name packed into words.
import { ShaderError } from "./errors.js";
import type { Kernel } from "./pipelines.js";

/** Parameters by name; a kernel's `params` say which. */
export type Params = Readonly<Record<string, number>>;

const u32 = new Uint32Array(16);
const i32 = new Int32Array(u32.buffer);
const f32 = new Float32Array(u32.buffer);

/**
 * The parameters of one dispatch, in as many words as the kernel has parameters; what follows is of no meaning, and the next call
 * writes over all of it. Throws ShaderError where one is missing.
 */
export function pack({ name: kernel, params: fields }: Kernel, params: Params): Uint32Array<ArrayBuffer> {
  for (let i = 0; i < fields.length; i++) {
    const { name, type } = fields[i];
    const value = params[name];
    if (value === undefined) throw new ShaderError(`Kernel ${kernel} needs the parameter '${name}'.`);
    const words = type === "f32" ? f32 : type === "i32" ? i32 : u32;
    words[i] = value;
  }
  return u32;
}
