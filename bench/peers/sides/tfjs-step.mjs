// The training step in TensorFlow.js.
import { initialParameters, makeBatch, reconstruction, sizes, temperature } from "../cases/step.mjs";
import { adamw } from "../lib/references.mjs";
import { tfjsFunctions } from "./tfjs-operations.mjs";

const { clips, tokens, values, width, heads, layers, masked } = sizes;

/** The ways of taking the step. */
export function trainWays(tf) {
  return {
    "gather, library's Adam": () => makeStep(tf, { gather: true, update: libraryAdam }),
    "gather, AdamW of operations": () => makeStep(tf, { gather: true, update: adamwOfOperations }),
    "product, AdamW of operations": () => makeStep(tf, { gather: false, update: adamwOfOperations }),
  };
}

function makeStep(tf, { gather, update }) {
  const parameters = Object.fromEntries(
    Object.entries(initialParameters()).map(([name, { shape, data }]) => [
      name,
      tf.variable(tf.tensor(data, shape), true),
    ]),
  );
  const batch = upload(tf, gather);
  const list = Object.values(parameters);
  const apply = update(tf, list);
  return {
    async step() {
      const { value, grads } = tf.variableGrads(() => lossOf(tf, parameters, batch), list);
      apply(grads);
      tf.dispose(grads);
      const [loss] = await value.data();
      value.dispose();
      return loss;
    },
    dispose: () => tf.dispose([list, batch.tensors]),
  };
}

/** The library's Adam, after the decay that makes it AdamW. */
function libraryAdam(tf, list) {
  const { lr, decay, beta1, beta2, eps } = adamw;
  const adam = tf.train.adam(lr, beta1, beta2, eps);
  return (gradients) => {
    tf.tidy(() => {
      for (const variable of list) variable.assign(variable.mul(1 - lr * decay));
    });
    adam.applyGradients(gradients);
  };
}

function adamwOfOperations(tf, list) {
  const { adamwUpdate } = tfjsFunctions(tf);
  const zeros = () => list.map((variable) => tf.variable(tf.zerosLike(variable), false));
  const [first, second] = [zeros(), zeros()];
  let taken = 0;
  return (gradients) => {
    taken++;
    tf.tidy(() => {
      list.forEach((variable, i) => {
        const before = [variable, gradients[variable.name], first[i], second[i]];
        const after = adamwUpdate(...before, taken);
        [variable, first[i], second[i]].forEach((target, part) => {
          target.assign(after[part]);
        });
      });
    });
  };
}

function upload(tf, gather) {
  const { patches, isMasked, rows, targets } = makeBatch();
  const index = tf.tensor1d(rows, "int32");
  const table = tf.tidy(() => tf.oneHot(index, clips * tokens).cast("float32"));
  const mask = tf.tensor(isMasked, [clips, tokens, 1]);
  const tensors = {
    patches: tf.tensor(patches, [clips * tokens, values]),
    mask,
    shown: tf.sub(1, mask),
    targets: tf.tensor(targets, [clips, masked, values]),
    own: tf.eye(masked),
    index,
    table,
  };
  const select = gather ? (x) => tf.gather(x, index) : (x) => tf.matMul(table, x);
  return { tensors, select };
}

function lossOf(tf, parameters, { tensors, select }) {
  const { gelu, layerNorm, attention } = tfjsFunctions(tf);
  const layer = (x, name) => tf.matMul(x, parameters[`${name}.weight`]).add(parameters[`${name}.bias`]);
  const norm = (x, name) => layerNorm(x, parameters[`${name}.gain`], parameters[`${name}.bias`]);
  const split = (x) => x.reshape([clips, tokens, heads, width / heads]).transpose([0, 2, 1, 3]);
  const embedded = layer(tensors.patches, "embed").reshape([clips, tokens, width]);
  const filled = embedded.mul(tensors.shown).add(tensors.mask.mul(parameters.mask));
  // Everything from here on is [clips · tokens, …]: matMul takes no vectors of matrices against one matrix.
  let x = filled.add(parameters.position).reshape([clips * tokens, width]);
  for (let i = 0; i < layers; i++) {
    const name = `block${i}`;
    const [q, k, v] = tf.split(layer(norm(x, `${name}.norm1`), `${name}.qkv`), 3, 1).map(split);
    const attended = attention(q, k, v)
      .transpose([0, 2, 1, 3])
      .reshape([clips * tokens, width]);
    x = x.add(layer(attended, `${name}.proj`));
    x = x.add(layer(gelu(layer(norm(x, `${name}.norm2`), `${name}.up`)), `${name}.down`));
  }
  const chosen = select(norm(x, "norm"));
  const head = (name) => layer(layer(chosen, `${name}1`).relu(), `${name}2`).reshape([clips, masked, values]);
  const logits = tf.matMul(tensors.targets, head("contrast"), false, true).mul(1 / temperature);
  const found = tf.logSoftmax(logits, -1).mul(tensors.own).sum(-1).mean();
  const error = head("reconstruct").sub(tensors.targets).square().mean();
  return error.mul(reconstruction).sub(found);
}
