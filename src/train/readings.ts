// Single numbers that a step leaves on the device: reading them back by name, and their means.
import type { Gpu } from "../tensor/gpu.js";
import type { Tensor } from "../tensor/tensor.js";

/** The loss and the objective's parts and measures by name. */
export interface MeasuredLosses {
  /** The whole. */
  loss: number;
  [part: string]: number | undefined;
}

/** The first element of each tensor, by name; absent ones stay absent. Their memory may be reused at once. */
export async function readResults<T extends object>(
  gpu: Gpu,
  results: Readonly<Record<string, Tensor | undefined>>,
): Promise<T> {
  const named = Object.entries<Tensor | undefined>(results).filter(
    (entry): entry is [string, Tensor] => entry[1] !== undefined,
  );
  const reading = gpu.device.readMany(named.map(([, { block }]) => ({ block, byteLength: 4 })));
  for (const [, tensor] of named) tensor.dispose();
  const values = await reading;
  return Object.fromEntries(named.map(([name], i) => [name, new Float32Array(values[i])[0]])) as T;
}

/** The mean of each of the numbers that all of these measured. */
export async function meanOf(readings: readonly Promise<MeasuredLosses>[]): Promise<MeasuredLosses> {
  const measured = await Promise.all(readings);
  const names = Object.keys(measured[0]);
  const means = names.map((name) => {
    const values = measured.map((each) => each[name] ?? Number.NaN);
    return [name, values.reduce((total, value) => total + value, 0) / values.length];
  });
  return Object.fromEntries(means) as MeasuredLosses;
}
