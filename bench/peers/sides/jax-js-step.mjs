// The training step in jax-js.
import { blockUntilReady, jit, nn, numpy as np, tree, valueAndGrad } from "@jax-js/jax";
import { initialParameters, makeBatch, reconstruction, sizes, temperature } from "../cases/step.mjs";
import {
  adamwScalars,
  adamwUpdate,
  attention,
  gelu,
  layerNorm,
  layerNormByHand,
} from "./jax-js-operations.mjs";

const { clips, tokens, values, width, heads, layers, masked } = sizes;

/** The ways of taking the step, the likely fastest first. */
export function trainWays() {
  const byProduct = (rows, x) => np.matmul(rows, x);
  const byTake = (rows, x) => np.take(x, rows, 0);
  return {
    "jit of the step, rows by product": () => makeStep({ norm: layerNorm, select: byProduct, oneHot: true }),
    "jit of the step, rows by take": () => makeStep({ norm: layerNorm, select: byTake }),
    "jit of the step, norm by hand": () =>
      makeStep({ norm: layerNormByHand, select: byProduct, oneHot: true }),
    "jit of gradients and of update": () =>
      makeStep({ norm: layerNorm, select: byProduct, oneHot: true, apart: true }),
    eager: () => makeStep({ norm: layerNorm, select: byProduct, oneHot: true, eager: true }),
  };
}

function makeStep({ norm, select, oneHot = false, apart = false, eager = false }) {
  const compile = (when, compute) => (when ? jit(compute) : compute);
  const gradientsOf = compile(apart, valueAndGrad(lossWith(norm, select)));
  const updated = compile(apart, updateAll);
  const whole = compile(!apart && !eager, (state, batch, rate, correction) => {
    const [loss, gradients] = gradientsOf(tree.ref(state.parameters), batch);
    return [loss, updated(state, gradients, rate, correction)];
  });
  const batch = upload(oneHot);
  let state = initialState();
  let taken = 0;
  return {
    async step() {
      taken++;
      const [loss, next] = whole(state, tree.ref(batch), ...adamwScalars(taken));
      state = next;
      await blockUntilReady([loss, ...tree.leaves(state)]);
      const [value] = await loss.data();
      await state.parameters["reconstruct2.bias"].ref.slice([0, 1]).data();
      return value;
    },
    dispose() {
      tree.dispose(state);
      tree.dispose(batch);
    },
  };
}

function initialState() {
  const parameters = Object.fromEntries(
    Object.entries(initialParameters()).map(([name, { shape, data }]) => [name, np.array(data, { shape })]),
  );
  const zeros = () => tree.map((array) => np.zeros(array.shape), parameters);
  return { parameters, first: zeros(), second: zeros() };
}

function upload(oneHot) {
  const { patches, isMasked, rows, targets } = makeBatch();
  const table = new Float32Array(rows.length * clips * tokens);
  rows.forEach((row, i) => {
    table[i * clips * tokens + row] = 1;
  });
  return {
    patches: np.array(patches, { shape: [clips, tokens, values] }),
    isMasked: np.array(isMasked, { shape: [clips, tokens, 1] }),
    targets: np.array(targets, { shape: [clips, masked, values] }),
    own: np.eye(masked),
    rows: oneHot
      ? np.array(table, { shape: [rows.length, clips * tokens] })
      : np.array(rows, { dtype: np.int32 }),
  };
}

function updateAll({ parameters, first, second }, gradients, rate, correction) {
  const next = { parameters: {}, first: {}, second: {} };
  for (const name of Object.keys(parameters)) {
    const given = [parameters[name], gradients[name], first[name], second[name]];
    const [value, m, v] = adamwUpdate(...given, rate.ref, correction.ref);
    next.parameters[name] = value;
    next.first[name] = m;
    next.second[name] = v;
  }
  rate.dispose();
  correction.dispose();
  return next;
}

/** The loss as a function of parameters and batch; each of the parameters is used once, which consumes it. */
function lossWith(norm, select) {
  return (p, { patches, isMasked, targets, own, rows }) => {
    const layer = (x, name) => np.matmul(x, p[`${name}.weight`]).add(p[`${name}.bias`]);
    const normal = (x, name) => norm(x, p[`${name}.gain`], p[`${name}.bias`]);
    const shown = np.subtract(1, isMasked.ref);
    let x = layer(patches, "embed").mul(shown).add(isMasked.mul(p.mask)).add(p.position);
    for (let i = 0; i < layers; i++) {
      const name = `block${i}`;
      const qkv = layer(normal(x.ref, `${name}.norm1`), `${name}.qkv`)
        .reshape([clips, tokens, 3, heads, width / heads])
        .transpose([2, 0, 3, 1, 4]);
      const attended = attention(qkv.ref.slice(0), qkv.ref.slice(1), qkv.slice(2));
      const joined = attended.transpose([0, 2, 1, 3]).reshape([clips, tokens, width]);
      x = x.add(layer(joined, `${name}.proj`));
      const up = gelu(layer(normal(x.ref, `${name}.norm2`), `${name}.up`));
      x = x.add(layer(up, `${name}.down`));
    }
    const chosen = select(rows, normal(x, "norm").reshape([clips * tokens, width]));
    const head = (input, name) =>
      layer(nn.relu(layer(input, `${name}1`)), `${name}2`).reshape([clips, masked, values]);
    const contrast = head(chosen.ref, "contrast");
    const rebuilt = head(chosen, "reconstruct");
    const logits = np.matmul(targets.ref, np.matrixTranspose(contrast)).mul(1 / temperature);
    const found = nn.logSoftmax(logits, -1).mul(own).sum(-1).mean();
    return np.square(rebuilt.sub(targets)).mean().mul(reconstruction).sub(found);
  };
}
