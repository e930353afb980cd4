// Cases bound by memory: element by element, moving, reducing, rows (softmax, layer norm, losses).
import { add, mul } from "../ops/binary.js";
import { broadcastTo } from "../ops/broadcast.js";
import { crossEntropy } from "../ops/cross-entropy.js";
import { fuse } from "../ops/fuse.js";
import { gather, indexSelect, scatterAdd } from "../ops/gather.js";
import { infonce } from "../ops/infonce.js";
import { layerNorm } from "../ops/layer-norm.js";
import { bceWithLogits, mse } from "../ops/losses.js";
import { concat, pad, slice, where } from "../ops/move.js";
import { cosineSimilarity, normalize } from "../ops/normalize.js";
import { logsumexp, max, mean, sum, variance } from "../ops/reduce.js";
import { argmax, cumsum, topk } from "../ops/scan.js";
import { rowTable, selectRows } from "../ops/select-rows.js";
import { logSoftmax, softmax } from "../ops/softmax.js";
import { unary } from "../ops/unary.js";
import { permute, transpose } from "../ops/view.js";
import type { Gpu } from "../tensor/gpu.js";
import type { Tensor } from "../tensor/tensor.js";
import { both, forward, type OpBench, times } from "./case.js";
import { type BenchCase, noise } from "./types.js";

const M = 2 ** 20;

/** Inputs of noise in these shapes; one pass over `bytes`. */
function op(
  name: string,
  shapes: readonly (readonly number[])[],
  bytes: number,
  run: (inputs: Tensor[]) => Tensor,
): OpBench {
  return {
    name,
    shape: times(...shapes[0]),
    bytes,
    inputs: (gpu) => shapes.map((shape) => noise(gpu, shape)),
    forward: run,
  };
}

function labels(gpu: Gpu, rows: number, classes: number): Tensor {
  return gpu.tensor(
    Int32Array.from({ length: rows }, (_, i) => (i * 7919) % classes),
    [rows],
  );
}

/** Four operations in one kernel; `chain` is the same in four. */
const fusedChain = fuse((x, y) => x.mul(2).add(y).gelu().mul(x));

/** A chain forward, and with the gradients of both inputs by the whole graph; bytes are those of one kernel each way. */
function chain(name: string, run: (x: Tensor, y: Tensor) => Tensor): BenchCase[] {
  const bench = op(name, [[4 * M], [4 * M]], 48 * M, ([x, y]) => run(x, y));
  return [
    forward(bench),
    {
      ...bench,
      name: `${name}+grad`,
      bytes: 128 * M,
      prepare(gpu) {
        const inputs = bench.inputs(gpu).map((x) => x.withGrad());
        const seed = gpu.ones([4 * M]);
        const tensors = [...inputs, seed];
        return {
          tensors,
          run() {
            run(inputs[0], inputs[1]).backward(seed);
            for (const x of inputs) {
              x.grad?.dispose();
              x.grad = undefined;
            }
          },
        };
      },
    },
  ];
}

export function elementwiseCases(): BenchCase[] {
  const wide = [4096, 1024];
  return [
    ...both(
      op("gelu", [[M]], 8 * M, ([x]) => unary.gelu([x], {})),
      { bytes: 16 * M },
    ),
    forward(op("gelu_tanh", [[M]], 8 * M, ([x]) => unary.gelu_tanh([x], {}))),
    forward(op("exp", [[M]], 8 * M, ([x]) => unary.exp([x], {}))),
    forward(op("relu", [[4 * M]], 32 * M, ([x]) => unary.relu([x], {}))),
    forward(op("add", [[4 * M], [4 * M]], 48 * M, ([a, b]) => add(a, b))),
    forward(op("add_row", [wide, [1024]], 32 * M, ([a, b]) => add(a, b))),
    forward(op("add_column", [wide, [4096, 1]], 32 * M, ([a, b]) => add(a, b))),
    ...both(
      op("mul", [[4 * M], [4 * M]], 48 * M, ([a, b]) => mul(a, b)),
      { bytes: 96 * M },
    ),
    ...chain("chain", (x, y) => x.mul(2).add(y).gelu().mul(x)),
    ...chain("chain_fused", fusedChain),
    forward(op("where", [[4 * M], [4 * M], [4 * M]], 64 * M, ([c, a, b]) => where(c, a, b))),
  ];
}

export function reductionCases(): BenchCase[] {
  const wide = [4096, 1024];
  return [
    forward(op("sum", [[4 * M]], 16 * M, ([x]) => sum(x))),
    forward(op("sum_rows", [wide], 16 * M, ([x]) => sum(x, { dim: 1 }))),
    forward(op("sum_columns", [wide], 16 * M, ([x]) => sum(x, { dim: 0 }))),
    forward(op("max_rows", [wide], 16 * M, ([x]) => max(x, { dim: 1 }))),
    forward(op("logsumexp_rows", [wide], 16 * M, ([x]) => logsumexp(x, { dim: 1 }))),
    forward(op("variance_columns", [wide], 16 * M, ([x]) => variance(x, { dim: 0 }))),
    forward(op("argmax_rows", [wide], 16 * M, ([x]) => argmax(x, { dim: 1 }))),
    forward(op("cumsum", [wide], 32 * M, ([x]) => cumsum(x))),
    forward(op("topk_10", [[128, 1024]], M / 2, ([x]) => topk(x, 10).values)),
    forward(op("mean_middle", [[16, 64, 4096]], 16 * M, ([x]) => mean(x, { dim: 1 }))),
  ];
}

export function rowCases(): BenchCase[] {
  const [rows, columns] = [4096, 512];
  const size = rows * columns;
  const [normRows, normWidth] = [4096, 256];
  const normSize = normRows * normWidth;
  return [
    ...both(
      op("softmax", [[rows, columns]], 8 * size, ([x]) => softmax(x)),
      { bytes: 12 * size },
    ),
    forward(op("softmax_columns", [[512, 4096]], 8 * size, ([x]) => softmax(x, { dim: 0 }))),
    forward(op("log_softmax", [[rows, columns]], 8 * size, ([x]) => logSoftmax(x))),
    ...both(
      op("layer_norm", [[normRows, normWidth], [normWidth], [normWidth]], 8 * normSize, ([x, w, b]) =>
        layerNorm(x, w, b),
      ),
      // The gradient reads x and the upstream twice: for x, and for weight and bias.
      { bytes: 20 * normSize },
    ),
    forward(op("normalize", [[rows, columns]], 8 * size, ([x]) => normalize(x))),
    forward(
      op(
        "cosine_similarity",
        [
          [rows, columns],
          [rows, columns],
        ],
        8 * size,
        ([a, b]) => cosineSimilarity(a, b),
      ),
    ),
    ...both(
      {
        name: "cross_entropy",
        shape: times(rows, columns),
        bytes: 4 * size,
        inputs: (gpu) => [noise(gpu, [rows, columns]), labels(gpu, rows, columns)],
        forward: ([logits, target]) => crossEntropy(logits, target),
      },
      { bytes: 8 * size },
    ),
    forward(op("bce_with_logits", [[4 * M], [4 * M]], 32 * M, ([x, t]) => bceWithLogits(x, t))),
    ...both(
      op("mse", [[4 * M], [4 * M]], 32 * M, ([x, y]) => mse(x, y)),
      { bytes: 64 * M },
    ),
    ...both(
      {
        ...op(
          "infonce",
          [
            [16, 38, 256],
            [16, 38, 256],
          ],
          0,
          ([x, c]) => infonce(x, c, { tau: 16 }),
        ),
        bytes: undefined,
        flops: 2 * 16 * 38 * 38 * 256,
      },
      { flops: 4 * 16 * 38 * 38 * 256 },
    ),
  ];
}

export function moveCases(): BenchCase[] {
  const square = [2048, 2048];
  return [
    forward(op("transpose", [square], 32 * M, ([x]) => transpose(x))),
    forward(op("permute_heads", [[16, 256, 8, 64]], 16 * M, ([x]) => permute(x, [0, 2, 1, 3]))),
    forward(op("broadcast_to", [[1, 1024]], 16 * M, ([x]) => broadcastTo(x, [4096, 1024]))),
    forward(op("slice", [square], 16 * M, ([x]) => slice(x, [null, [0, 1024]]))),
    forward(
      op(
        "concat",
        [
          [2048, 1024],
          [2048, 1024],
        ],
        32 * M,
        (inputs) => concat(inputs, { dim: 1 }),
      ),
    ),
    forward(op("pad", [[2040, 2040]], 32 * M, ([x]) => pad(x, [[4, 4], [4, 4]]))), // biome-ignore format: one line
    forward({
      name: "index_select",
      shape: "4096 of 8192×256",
      bytes: 8 * M,
      inputs: (gpu) => [noise(gpu, [8192, 256]), labels(gpu, 4096, 8192)],
      forward: ([x, index]) => indexSelect(x, index),
    }),
    forward({
      name: "gather",
      shape: times(1024, 1024),
      bytes: 12 * M,
      inputs: (gpu) => [noise(gpu, [1024, 1024]), labels(gpu, M, 1024).reshape([1024, 1024])],
      forward: ([x, index]) => gather(x, index, { dim: 1 }),
    }),
    forward({
      name: "scatter_add",
      shape: times(1024, 256),
      bytes: 4 * M,
      inputs: (gpu) => [
        noise(gpu, [1024, 256]),
        labels(gpu, M / 4, 1024).reshape([1024, 256]),
        noise(gpu, [1024, 256]),
      ],
      forward: ([x, index, source]) => scatterAdd(x, index, source, { dim: 0 }),
    }),
    ...both(
      {
        name: "select_rows",
        shape: "4096 of 8192×256",
        bytes: 8 * M,
        inputs: (gpu) => {
          const rows = Int32Array.from({ length: 4096 }, (_, i) => 2 * ((i * 1223) % 4096));
          const table = rowTable(gpu, rows, 8192);
          return [noise(gpu, [8192, 256]), table.rows, table.inverse];
        },
        forward: ([x, rows, inverse]) => selectRows(x, { rows, inverse }),
      },
      { bytes: 12 * M },
    ),
  ];
}
