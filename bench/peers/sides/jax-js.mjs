// jax-js's side. Its functions consume their arguments; `.ref` keeps one for later.
import { packageVersion, peerPackage, provideNavigator } from "./common.mjs";
import { addIteratorMethods } from "./iterators.mjs";

export async function open(options) {
  addIteratorMethods();
  const host = await provideNavigator(options);
  const jax = await import("@jax-js/jax");
  const devices = await jax.init("webgpu");
  if (!devices.includes("webgpu")) throw new Error("jax-js found no WebGPU.");
  jax.defaultDevice("webgpu");
  const { name, kind, software } = host;
  const { jaxOperations } = await import("./jax-js-operations.mjs");
  const { trainWays } = await import("./jax-js-step.mjs");
  return {
    version: packageVersion(peerPackage("@jax-js/jax")),
    adapter: { name, kind, software },
    keepAlive: host,
    upload: ({ data, shape }) => jax.numpy.array(data, { shape }),
    read: (array) => array.ref.data(),
    /** Dispatches what is still lazy, then reads one element. */
    async settle(outputs) {
      await jax.blockUntilReady(outputs);
      await outputs.at(-1).ref.reshape([-1]).slice([0, 1]).data();
    },
    free: (arrays) => jax.tree.dispose(arrays),
    ways: jaxOperations(),
    train: trainWays(),
    close() {},
  };
}
