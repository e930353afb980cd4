// Layer normalisation over the last axis (Ba, Kiros and Hinton, 2016), forward and gradient.
import { ShapeError } from "../gpu/errors.js";
import { formatShape, rowsOf } from "../tensor/shape.js";
import type { Tensor } from "../tensor/tensor.js";
import { defineOp } from "./define.js";
import { foldLanes } from "./launch.js";
import { blocksOf, byRows, sumRows } from "./pieces.js";
import { reduceInto, splitRun } from "./reduction.js";
import { lanesOf, planRows } from "./row-teams.js";

/** Settings of a layer normalisation. */
export interface LayerNormOptions {
  /** Added to the variance; default 1e-5. */
  eps?: number;
}

/** mean and rstd of every row. */
interface Saved {
  stats: Tensor;
}

interface Resolved {
  eps: number;
  hasWeight: boolean;
  hasBias: boolean;
}

const layerNormOp = defineOp<Resolved, Saved>({
  name: "layer_norm",
  doc: "(x − mean) / √(population variance + eps) · weight + bias over the last axis.",
  forward(inputs, { eps, hasWeight, hasBias }) {
    const [x] = inputs;
    const weight = inputs[1];
    const bias = inputs[inputs.length - 1];
    const width = x.shape[x.rank - 1];
    const rows = rowsOf(x.shape);
    const { device } = x.gpu;
    const stats = x.gpu.empty([rows, 2]);
    const output = x.gpu.empty(x.shape);
    const parts = { HAS_WEIGHT: hasWeight, HAS_BIAS: hasBias };
    byRows(rows, [x, stats, output], ([x, stats, output], rows) => {
      const plan = planRows(x, [rows, width], "norm/layer_norm", parts);
      device.run(
        plan.kernel,
        blocksOf([x, hasWeight ? weight : x, hasBias ? bias : x, stats, output]),
        { rows, items: plan.items, scale: 1 / width, eps },
        plan.groups,
      );
    });
    return { output, saved: { stats } };
  },
  backward({ grad, inputs, options: { hasWeight, hasBias }, saved: { stats }, needs, into }) {
    const [x] = inputs;
    const width = x.shape[x.rank - 1];
    const rows = rowsOf(x.shape);
    const { device } = x.gpu;
    const gradients: (Tensor | undefined)[] = inputs.map(() => undefined);
    if (needs[0]) {
      const dx = x.gpu.empty(x.shape);
      byRows(rows, [grad, x, stats, dx], ([grad, x, stats, dx], rows) => {
        const plan = planRows(x, [rows, width], "norm/layer_norm_backward", {
          // Two rows at a time gain nothing on lavapipe, where they compile twice as long (the shader's comment).
          ...(lanesOf(device.capabilities) >= 8 ? { TOGETHER: 1 } : {}),
          HAS_WEIGHT: hasWeight,
        });
        device.run(
          plan.kernel,
          blocksOf([grad, x, hasWeight ? inputs[1] : x, stats, dx]),
          { rows, items: plan.items, scale: 1 / width },
          plan.groups,
        );
      });
      gradients[0] = dx;
    }
    const biasAt = inputs.length - 1;
    const wantsWeight = hasWeight && needs[1];
    const wantsBias = hasBias && needs[biasAt];
    if (wantsWeight || wantsBias) {
      const [weight, bias] = parameterGradients(grad, x, stats, [
        wantsWeight ? into[1] : undefined,
        wantsBias ? into[biasAt] : undefined,
      ]);
      if (wantsWeight) gradients[1] = weight;
      if (wantsBias) gradients[biasAt] = bias;
    }
    return gradients;
  },
});

/** Gradients of weight and bias, each written to `into` where there is memory for it. */
function parameterGradients(
  grad: Tensor,
  x: Tensor,
  stats: Tensor,
  into: readonly (Tensor | undefined)[],
): Tensor[] {
  const { gpu } = x;
  const width = x.shape[x.rank - 1];
  const targets = into.map((slot) => slot ?? gpu.empty([width]));
  const { device } = gpu;
  sumRows(rowsOf(x.shape), [grad, x, stats], targets, (tensors, rows, targets) => {
    const vec = width % 4 === 0;
    const items = vec ? width / 4 : width;
    const { software } = device.capabilities;
    const { splits, chunk } = splitRun(rows, (software ? 1024 : 65536) / items, software ? 32 : 16, 1024);
    const parts = splits === 1 ? targets : targets.map(() => gpu.empty([splits, width]));
    device.run(
      device.kernel("norm/layer_norm_weights", { VEC: vec }),
      blocksOf([...tensors, ...parts]),
      { rows, items, chunk, chunks: splits },
      foldLanes(items * splits),
    );
    if (splits > 1) {
      parts.forEach((part, i) => {
        reduceInto(part, { outer: 1, reduce: splits, inner: width }, { kind: "sum" }, targets[i]);
        part.dispose();
      });
    }
  });
  return targets;
}

/**
 * (x − mean) / √(variance + eps) · weight + bias, with mean and population variance over the last axis.
 *
 * @param weight [width]; 1 where not given
 * @param bias [width]; 0 where not given
 */
export function layerNorm(
  x: Tensor,
  weight?: Tensor,
  bias?: Tensor,
  { eps = 1e-5 }: LayerNormOptions = {},
): Tensor {
  const width = x.shape[x.rank - 1];
  if (x.rank === 0) throw new ShapeError("layerNorm needs at least one axis to normalise over.");
  for (const [name, parameter] of Object.entries({ weight, bias })) {
    if (parameter && (parameter.rank !== 1 || parameter.size !== width)) {
      throw new ShapeError(
        `layerNorm: the ${name} is ${formatShape(parameter.shape)} but the last axis of x has ${width} places: ` +
          `make it [${width}].`,
      );
    }
  }
  const inputs = [x, weight, bias].filter((tensor) => tensor !== undefined);
  return layerNormOp(inputs, { eps, hasWeight: weight !== undefined, hasBias: bias !== undefined });
}
