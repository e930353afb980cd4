// InfoNCE (van den Oord, Li and Vinyals, 2018) within a clip: each prediction must find its own target among the clip's.
// The similarities are one matrix product; softmax, cross entropy and their gradient are fused over its rows.
import { ShapeError } from "../gpu/errors.js";
import { formatShape, sameShape } from "../tensor/shape.js";
import type { Tensor } from "../tensor/tensor.js";
import { crossEntropyRows, crossEntropyRowsBackward } from "./cross-entropy.js";
import { defineOp } from "./define.js";
import { matmul } from "./matmul.js";
import { total } from "./reduction.js";

/** x·cᵀ for every clip: [..., N, N]. */
function similarities(x: Tensor, c: Tensor): Tensor {
  return x.gpu.noGrad(() => matmul(x, c, { transposeB: true }));
}

const infonceOp = defineOp<{ tau: number }, { logits: Tensor; lse: Tensor; consumed: boolean }>({
  name: "infonce",
  doc: "The mean over i of −ln softmax_j(x_i·c_j / tau)[i], j over the rows of the same clip.",
  forward([x, c], { tau }) {
    const logits = similarities(x, c);
    const rows = { scale: 1 / tau, smoothing: 0, ignore: -1 };
    const { losses, lse, valid } = crossEntropyRows(logits, undefined, rows);
    const output = total(losses, 1 / losses.size);
    losses.dispose();
    valid.dispose();
    return { output, saved: { logits, lse, consumed: false } };
  },
  backward({ grad, inputs: [x, c], options: { tau }, saved, needs }) {
    // The gradient is written over the similarities; a second walk of the same graph computes them again.
    const logits = saved.consumed ? similarities(x, c) : saved.logits;
    saved.consumed = true;
    const scale = 1 / tau;
    const d = crossEntropyRowsBackward(logits, undefined, saved.lse, grad, {
      ...{ scale, smoothing: 0, ignore: -1, factor: scale / saved.lse.size },
      ...{ each: false, count: undefined, out: undefined },
    });
    return [needs[0] ? matmul(d, c) : undefined, needs[1] ? matmul(d, x, { transposeA: true }) : undefined];
  },
});

/**
 * Mean over predictions i of −ln softmax_j(x_i·c_j / tau)[i].
 *
 * @param x targets [N, P], or [B, N, P] for B clips
 * @param c predictions of the same shape; j runs over those of the same clip
 * @param options.tau temperature; default 1
 */
export function infonce(x: Tensor, c: Tensor, { tau = 1 }: { tau?: number } = {}): Tensor {
  if (x.rank < 2 || !sameShape(x.shape, c.shape)) {
    throw new ShapeError(
      `infonce: x ${formatShape(x.shape)} and c ${formatShape(c.shape)} must both be [N, P] or [B, N, P].`,
    );
  }
  return infonceOp([x, c], { tau });
}
