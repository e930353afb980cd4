// InfoNCE (van den Oord, Li and Vinyals, 2018) within a clip: each prediction must find its own target among the clip's.
// On software adapters one kernel finds similarities and losses, and one more each gradient; elsewhere the similarities are a
// matrix product, and softmax, cross entropy and their gradient are fused over its rows.
import { ShapeError } from "../gpu/errors.js";
import { formatShape, inverseOf, sameShape } from "../tensor/shape.js";
import type { Tensor } from "../tensor/tensor.js";
import { type Build, usable } from "./alternatives.js";
import { crossEntropyRows, crossEntropyRowsBackward } from "./cross-entropy.js";
import { defineOp } from "./define.js";
import { foldGroups } from "./launch.js";
import { foldSum } from "./loss-sums.js";
import { matmul } from "./matmul.js";
import { blocksOf } from "./pieces.js";
import { lanesOf } from "./row-teams.js";

/** x·cᵀ for every clip: [..., N, N]. */
function similarities(x: Tensor, c: Tensor): Tensor {
  return x.gpu.noGrad(() => matmul(x, c, { transposeB: true }));
}

interface Saved {
  /** Similarities of all pairs: in base 2 and scaled where fused, else as they are. */
  logits: Tensor;
  lse: Tensor;
  fused: Fused | undefined;
  consumed: boolean;
}

/** Sizes of the fused kernels' tiles. */
interface Fused {
  lanes: number;
  blocks: number;
  keys: number;
  columns: number;
  width: number;
}

/** Fused kernels for software adapters with subgroups of one size and rows of whole vec4s; sizes by measurement (the shaders' comments). */
function planFused(x: Tensor): Fused | undefined {
  const lanes = lanesOf(x.gpu.device.capabilities);
  const values = x.shape[x.rank - 1];
  if (lanes === 0 || values % 4 !== 0 || x.size === 0) return undefined;
  const [blocks, keys, most] = lanes >= 8 ? [1, 2, 2] : [2, 4, 4];
  const columns = Math.min(most, Math.ceil(values / 4 / lanes));
  const fused = { lanes, blocks, keys, columns, width: Math.max(32, lanes) };
  const gradient = (columnwise: boolean): Build => [
    "loss/infonce_backward",
    backwardDefines(fused, columnwise),
  ];
  const kernels: Build[] = [["loss/infonce", forwardDefines(fused)], gradient(false), gradient(true)];
  return usable(x.gpu.device, ...kernels) ? fused : undefined;
}

function forwardDefines({ lanes, blocks, keys, width }: Fused) {
  return { LANES: lanes, BLOCKS: blocks, ROWS: blocks * lanes, KEYS: keys, WIDTH: width };
}

function backwardDefines({ lanes, columns, width }: Fused, columnwise: boolean) {
  return { LANES: lanes, COLUMNS: columns, WIDTH: width, COLUMNWISE: columnwise };
}

/** n rows a clip, of `items` vec4s. */
function sizesOf(x: Tensor): { n: number; clips: number; items: number } {
  const [n, values] = x.shape.slice(-2);
  return { n, clips: x.size / (n * values), items: values / 4 };
}

function fusedForward(
  x: Tensor,
  c: Tensor,
  tau: number,
  fused: Fused,
): { logits: Tensor; lse: Tensor; losses: Tensor } {
  const { device } = x.gpu;
  const { lanes, blocks, width } = fused;
  const { n, clips, items } = sizesOf(x);
  const logits = x.gpu.empty([clips, n, n]);
  const [lse, losses] = [x.gpu.empty([clips * n]), x.gpu.empty([clips * n])];
  const rows = blocks * lanes;
  device.run(
    device.kernel("loss/infonce", forwardDefines(fused)),
    blocksOf([logits, lse, losses, x, c]),
    { n, clips, items, scale: Math.LOG2E / tau },
    foldGroups(clips * Math.ceil(Math.ceil(n / rows) / (width / lanes))),
  );
  return { logits, lse, losses };
}

/** The gradient of x, or, with x in the place of `other`, of c. */
function fusedBackward(
  other: Tensor,
  columnwise: boolean,
  grad: Tensor,
  tau: number,
  saved: Saved,
  fused: Fused,
): Tensor {
  const { device } = other.gpu;
  const { lanes, columns, width } = fused;
  const { n, clips, items } = sizesOf(other);
  const out = other.gpu.empty(other.shape);
  const subgroups = clips * Math.ceil(n / lanes) * Math.ceil(items / (columns * lanes));
  device.run(
    device.kernel("loss/infonce_backward", backwardDefines(fused, columnwise)),
    blocksOf([out, saved.logits, saved.lse, grad, other]),
    { n, clips, items, factor: 1 / (tau * saved.lse.size) },
    foldGroups(Math.ceil(subgroups / (width / lanes))),
  );
  return out;
}

const infonceOp = defineOp<{ tau: number }, Saved>({
  name: "infonce",
  doc: "The mean over i of −ln softmax_j(x_i·c_j / tau)[i], j over the rows of the same clip.",
  forward([x, c], { tau }) {
    const fused = planFused(x);
    if (fused) {
      const { logits, lse, losses } = fusedForward(x, c, tau, fused);
      const output = foldSum(losses, inverseOf(losses.size));
      losses.dispose();
      return { output, saved: { logits, lse, fused, consumed: false } };
    }
    const logits = similarities(x, c);
    const rows = { scale: 1 / tau, smoothing: 0, ignore: -1 };
    const { losses, lse, valid } = crossEntropyRows(logits, undefined, rows);
    const output = foldSum(losses, inverseOf(losses.size));
    losses.dispose();
    valid.dispose();
    return { output, saved: { logits, lse, fused, consumed: false } };
  },
  backward({ grad, inputs: [x, c], options: { tau }, saved, needs }) {
    const { fused } = saved;
    if (fused) {
      return [
        needs[0] ? fusedBackward(c, false, grad, tau, saved, fused) : undefined,
        needs[1] ? fusedBackward(x, true, grad, tau, saved, fused) : undefined,
      ];
    }
    // The gradient is written over the similarities; a second walk of the same graph computes them again.
    const logits = saved.consumed ? similarities(x, c) : saved.logits;
    saved.consumed = true;
    const scale = 1 / tau;
    const d = crossEntropyRowsBackward(logits, undefined, saved.lse, grad, {
      ...{ scale, smoothing: 0, ignore: -1, factor: scale * inverseOf(saved.lse.size) },
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
 * @param options temperature `tau`, default 1
 */
export function infonce(x: Tensor, c: Tensor, { tau = 1 }: { tau?: number } = {}): Tensor {
  if (x.rank < 2 || !sameShape(x.shape, c.shape)) {
    throw new ShapeError(
      `infonce: x ${formatShape(x.shape)} and c ${formatShape(c.shape)} must both be [N, P] or [B, N, P].`,
    );
  }
  return infonceOp([x, c], { tau });
}
