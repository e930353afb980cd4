// TensorFlow.js's side, on its WebGPU backend.
import { packageVersion, peerPackage, provideNavigator } from "./common.mjs";
import { bundleTfjs } from "./tfjs-bundle.mjs";
import { tfjsOperations } from "./tfjs-operations.mjs";
import { trainWays } from "./tfjs-step.mjs";

export async function open(options) {
  const host = await provideNavigator(options);
  // The backend takes a page's names for granted.
  globalThis.self = globalThis;
  const tf = await import(await bundleTfjs());
  if (!(await tf.setBackend("webgpu"))) throw new Error("TensorFlow.js found no WebGPU.");
  await tf.ready();
  const { name, kind, software } = host;
  return {
    version: packageVersion(peerPackage("@tensorflow/tfjs-backend-webgpu")),
    adapter: { name, kind, software },
    keepAlive: host,
    upload: ({ data, shape }) => tf.tensor(data, shape),
    read: (tensor) => tensor.data(),
    /** Reads one element of the last output: the queue runs in order, so everything is done by then. */
    async settle(outputs) {
      const element = tf.tidy(() => outputs.at(-1).flatten().slice([0], [1]));
      await element.data();
      element.dispose();
    },
    free: (tensors) => tf.dispose(tensors),
    ways: tfjsOperations(tf),
    train: trainWays(tf),
    close() {},
  };
}
