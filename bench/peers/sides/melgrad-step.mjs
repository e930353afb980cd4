// The training step in melgrad.
import { epsilon, initialParameters, makeBatch, reconstruction, sizes, temperature } from "../cases/step.mjs";
import { adamw } from "../lib/references.mjs";
import { loadEngine } from "./engine.mjs";

const {
  attentionFromQkv,
  backward,
  capture,
  infonce,
  layerNorm,
  linear,
  mse,
  Optimizer,
  ParameterSet,
  Random,
  rowTable,
  selectRows,
  where,
} = await loadEngine();

const { clips, tokens, values, width, heads, layers, masked } = sizes;

/** The ways of taking the step; each makes a model of its own. */
export function trainWays(gpu) {
  return { captured: () => makeStep(gpu, true), eager: () => makeStep(gpu, false) };
}

function makeStep(gpu, captured) {
  const parameters = makeParameters(gpu);
  const optimizer = new Optimizer(parameters, {
    rule: "adamw",
    betas: [adamw.beta1, adamw.beta2],
    eps: adamw.eps,
    weightDecay: adamw.decay,
  });
  const batch = upload(gpu);
  const update = (inputs) => {
    const loss = lossOf(parameters, inputs);
    parameters.zeroGrad();
    backward(loss);
    optimizer.update(adamw.lr);
    return loss;
  };
  const program = captured ? capture(gpu, update) : undefined;
  return {
    /** Takes one step and reads its loss back; the update was submitted with it. */
    async step() {
      if (optimizer.step === 0) await program?.prepare(batch);
      const loss = gpu.scope(() => (program ?? update)(batch));
      const value = await loss.item();
      loss.dispose();
      return value;
    },
    dispose() {
      program?.dispose();
      optimizer.dispose();
      parameters.dispose();
      for (const tensor of Object.values(batch)) tensor.dispose();
    },
  };
}

function makeParameters(gpu) {
  const initial = initialParameters();
  const specs = Object.entries(initial).map(([name, { shape, data }]) => {
    // The library's own layout of a layer's weights is [outputs, inputs].
    const turn = name.endsWith(".weight");
    return {
      name,
      shape: turn ? [...shape].reverse() : shape,
      init: () => (turn ? transposed(data, shape) : data),
    };
  });
  return new ParameterSet(gpu, specs, new Random(0));
}

function transposed(data, [rows, columns]) {
  return data.map((_, i) => data[(i % rows) * columns + Math.floor(i / rows)]);
}

function upload(gpu) {
  const { patches, isMasked, rows, targets } = makeBatch();
  return {
    patches: gpu.tensor(patches, [clips, tokens, values]).keep(),
    isMasked: gpu.tensor(isMasked, [clips, tokens, 1]).keep(),
    targets: gpu.tensor(targets, [clips, masked, values]).keep(),
    ...rowTable(gpu, rows, clips * tokens),
  };
}

function lossOf(parameters, batch) {
  const get = (name) => parameters.get(name);
  const layer = (x, name, options) => linear(x, get(`${name}.weight`), get(`${name}.bias`), options);
  const norm = (x, name) => layerNorm(x, get(`${name}.gain`), get(`${name}.bias`), { eps: epsilon });
  let x = where(batch.isMasked, get("mask"), layer(batch.patches, "embed")).add(get("position"));
  for (let i = 0; i < layers; i++) {
    const name = `block${i}`;
    const attended = attentionFromQkv(layer(norm(x, `${name}.norm1`), `${name}.qkv`), heads);
    x = layer(attended, `${name}.proj`, { residual: x });
    const up = layer(norm(x, `${name}.norm2`), `${name}.up`, { gelu: "tanh" });
    x = layer(up, `${name}.down`, { residual: x });
  }
  const chosen = selectRows(norm(x, "norm").reshape([clips * tokens, width]), batch);
  const head = (name) => layer(layer(chosen, `${name}1`).relu(), `${name}2`).reshape([clips, masked, values]);
  const contrast = infonce(batch.targets, head("contrast"), { tau: temperature });
  return contrast.add(mse(head("reconstruct"), batch.targets).mul(reconstruction));
}
