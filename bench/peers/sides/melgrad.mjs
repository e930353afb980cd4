// melgrad's side, through what melgrad/node exports and nothing else.
import { bands, bins, fftLength, floor, hop } from "../lib/audio.mjs";
import { adamw } from "../lib/references.mjs";
import { packageVersion } from "./common.mjs";
import { loadEngine, root } from "./engine.mjs";
import { trainWays } from "./melgrad-step.mjs";

const {
  add,
  attention,
  backward,
  LogMel,
  layerNorm,
  matmul,
  Optimizer,
  ParameterSet,
  Random,
  softmax,
  stftPower,
  ...engine
} = await loadEngine();

/** Opens the adapter and gives what worker.mjs asks of a side. */
export async function open({ adapter }) {
  const gpu = await engine.open({ adapter });
  const { name, kind, software } = gpu.host;
  return {
    version: packageVersion(root),
    adapter: { name, kind, software },
    upload: ({ data, shape }) => gpu.tensor(data, shape).keep(),
    read: (tensor) => tensor.data(),
    /** Submits, and waits until one element of the last output is here. */
    settle: (outputs) => gpu.device.read(outputs.at(-1).block, 4),
    free(tensors) {
      for (const tensor of tensors) tensor.dispose();
    },
    ways: waysOn(gpu),
    train: trainWays(gpu),
    close: () => gpu.close(),
  };
}

function waysOn(gpu) {
  /** A pure function of the inputs, without a graph. */
  const plain = (compute) => ({
    eager: (inputs, options) => ({
      run: () => gpu.scope(() => gpu.noGrad(() => [compute(inputs, options)])),
    }),
  });
  /** The gradients of all inputs but the last, which is the gradient of the output. */
  const gradients = (compute) => ({
    backward(inputs) {
      const leaves = inputs.slice(0, -1);
      for (const leaf of leaves) leaf.requiresGrad = true;
      return {
        run() {
          gpu.scope(() => backward(compute(leaves), inputs.at(-1)));
          return leaves.map((leaf) => {
            const { grad } = leaf;
            leaf.grad = undefined;
            return grad;
          });
        },
      };
    },
  });
  const norm = ([x, gain, bias]) => layerNorm(x, gain, bias, { eps: 1e-5 });
  return {
    identity: { eager: ([x]) => ({ run: () => [x.reshape(x.shape)] }) },
    matmul: plain(([a, b], options) => matmul(a, b, options)),
    attention: plain(([q, k, v]) => attention(q, k, v)),
    attentionGradients: gradients(([q, k, v]) => attention(q, k, v)),
    softmax: plain(([x]) => softmax(x)),
    layerNorm: plain(norm),
    layerNormGradients: gradients(norm),
    gelu: plain(([x]) => x.gelu({ approximate: "tanh" })),
    add: plain(([a, b]) => add(a, b)),
    sum: plain(([x]) => x.sum()),
    adamw: { Optimizer: (inputs, options) => optimizerJob(gpu, inputs, options) },
    stft: {
      stftPower: ([x]) => ({
        run: () => gpu.scope(() => [stftPower(x, { nFft: fftLength, hopLength: hop })]),
        inspect: ([power]) => [byFrames(power, bins)],
      }),
    },
    logmel: {
      LogMel([x]) {
        const logMel = new LogMel(gpu, { hopLength: hop, log: { kind: "ln", floor } });
        return {
          run: () => gpu.scope(() => [logMel.forward(x)]),
          inspect: ([mel]) => [byFrames(mel, bands, x.shape[0])],
          dispose: () => logMel.dispose(),
        };
      },
    },
  };
}

/** [clips, rows, frames] to [clips, frames, rows]. */
function byFrames(values, rows, clips = 1) {
  const frames = values.length / rows / clips;
  return values.map((_, i) => {
    const [clip, frame, row] = [Math.floor(i / rows / frames), Math.floor(i / rows) % frames, i % rows];
    return values[(clip * rows + row) * frames + frame];
  });
}

/** The optimiser works in place, on a set of one parameter whose state starts as the case wants it. */
async function optimizerJob(gpu, [value, gradient, first, second], { step }) {
  const start = await value.data();
  const init = () => start;
  const parameters = new ParameterSet(gpu, [{ name: "w", shape: value.shape, init }], new Random(0));
  const optimizer = new Optimizer(parameters, {
    rule: "adamw",
    betas: [adamw.beta1, adamw.beta2],
    eps: adamw.eps,
    weightDecay: adamw.decay,
  });
  const moments = await Promise.all([first, second].map((moment) => moment.data()));
  const state = ["exp_avg.w", "exp_avg_sq.w"].map((name, i) => [
    name,
    { shape: value.shape, data: moments[i] },
  ]);
  optimizer.restore(new Map(state), step - 1);
  const w = parameters.get("w");
  w.gradSlot.write(await gradient.data());
  return {
    run() {
      optimizer.update(adamw.lr);
      return [w.detach()];
    },
    async inspect([values]) {
      const after = await optimizer.state();
      return [values, after.get("exp_avg.w").data, after.get("exp_avg_sq.w").data];
    },
    dispose() {
      optimizer.dispose();
      parameters.dispose();
    },
  };
}
