// Weights as safetensors, and back: what checkpoints, final weights and a page's export are made of. Nothing of files, and
// nothing of Node.
import { DataError } from "../gpu/errors.js";
import {
  isFloating,
  readSafetensors,
  type SafeTensor,
  toFloat32,
  writeSafetensors,
} from "../io/safetensors.js";
import type { NamedValues } from "../nn/parameters.js";

/** Weights as a safetensors file. */
export function serialise(values: NamedValues): Uint8Array<ArrayBuffer> {
  const tensors = new Map<string, SafeTensor>();
  for (const [name, { shape, data }] of values) tensors.set(name, { dtype: "F32", shape: [...shape], data });
  return writeSafetensors(tensors, { format: "pt" });
}

/**
 * Weights from a safetensors file's bytes; those of 16 or 64 bits become float32. Throws DataError where a tensor holds
 * no real numbers.
 */
export function deserialise(bytes: Uint8Array, path: string): NamedValues {
  const values = new Map<string, { shape: readonly number[]; data: Float32Array }>();
  for (const [name, tensor] of readSafetensors(bytes)) {
    if (!isFloating(tensor)) {
      throw new DataError(`${path}: '${name}' is ${tensor.dtype}: weights are F32, F16, BF16 or F64.`);
    }
    values.set(name, { shape: tensor.shape, data: toFloat32(tensor) });
  }
  return values;
}
