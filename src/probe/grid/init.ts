// The weights that heads start from: uniform within ±1/√inputs for weights and biases, PyTorch's default for a linear layer. Runs with
// as many hidden units start alike, as they do where every run seeds its generator anew.
import { Random } from "../../tensor/random.js";

/** How one layer of a head lies in memory: [rows, columns], of which [live, inputs] are weights and column `inputs` is the bias. */
export interface HeadLayer {
  live: number;
  rows: number;
  inputs: number;
  columns: number;
}

const padded = (length: number) => 4 * Math.ceil(length / 4);

/**
 * The layers of a head, the last one the output's. A hidden layer has a unit more than asked for, which is always one, so that the next
 * layer's bias is a weight like any other; the input has such a column too. Padded to multiples of four with zeros.
 */
export function headLayers(features: number, hidden: number, outputs: number): HeadLayer[] {
  const columns = padded(features + 1);
  const last = (inputs: number, width: number): HeadLayer => ({
    live: outputs,
    rows: padded(outputs),
    inputs,
    columns: width,
  });
  if (hidden === 0) return [last(features, columns)];
  const rows = padded(hidden + 1);
  return [{ live: hidden, rows, inputs: features, columns }, last(hidden, rows)];
}

/** The first weights of every layer, [rows, columns]. */
export function headStart(layers: readonly HeadLayer[], seed: number): Float32Array<ArrayBuffer>[] {
  return layers.map(({ live, rows, inputs, columns }, index) => {
    const random = new Random(seed, 101 + index);
    const bound = 1 / Math.sqrt(inputs);
    const values = new Float32Array(rows * columns);
    for (let row = 0; row < live; row++) {
      for (let column = 0; column <= inputs; column++) {
        values[row * columns + column] = bound * (2 * random.uniform() - 1);
      }
    }
    if (index < layers.length - 1) values[live * columns + inputs] = 1; // the unit that is always one
    return values;
  });
}

/** A trained head: for each layer the weights [live, inputs] and the biases [live]. */
export interface TrainedHead {
  layers: { weight: Float32Array; bias: Float32Array; inputs: number }[];
  /** Of a head on a weighted sum of layers: the share of each. */
  shares?: Float64Array;
}

/** From memory to weights and biases. */
export function unpackHead(layers: readonly HeadLayer[], values: readonly Float32Array[]): TrainedHead {
  return {
    layers: layers.map(({ live, inputs, columns }, index) => {
      const weight = new Float32Array(live * inputs);
      const bias = new Float32Array(live);
      for (let row = 0; row < live; row++) {
        const from = row * columns;
        weight.set(values[index].subarray(from, from + inputs), row * inputs);
        bias[row] = values[index][from + inputs];
      }
      return { weight, bias, inputs };
    }),
  };
}
