// Weights as safetensors, and back: what checkpoints, final weights and a page's export are made of. Nothing of files, and
// nothing of Node.
import { DataError } from "../gpu/errors.js";
import { readSafetensors, type SafeTensor, writeSafetensors } from "../io/safetensors.js";
import type { NamedValues } from "../nn/parameters.js";

/** Weights as a safetensors file. */
export function serialise(values: NamedValues): Uint8Array<ArrayBuffer> {
  const tensors = new Map<string, SafeTensor>();
  for (const [name, { shape, data }] of values) tensors.set(name, { dtype: "F32", shape: [...shape], data });
  return writeSafetensors(tensors, { format: "pt" });
}

/** Weights from a safetensors file's bytes. Throws DataError where a tensor is not float32. */
export function deserialise(bytes: Uint8Array, path: string): NamedValues {
  const values = new Map<string, { shape: readonly number[]; data: Float32Array }>();
  for (const [name, { shape, data }] of readSafetensors(bytes)) {
    if (!(data instanceof Float32Array)) throw new DataError(`${path}: '${name}' is not float32.`);
    values.set(name, { shape, data });
  }
  return values;
}
