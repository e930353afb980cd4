// A look at an adapter's subgroups before kernels rely on them. WGSL promises neither that a subgroup is a run of neighbouring
// invocations, nor that lanes which left a loop at different turns act together again: kernels need both. One dispatch tells.
import type { Capabilities } from "./capabilities.js";
import type { Runs } from "./commands.js";

/** What `shaders/lanes` makes of its loop: 0 + 1 + … + 28. */
const together = 406;

/** What is wrong with the order of lanes, if anything. */
export async function lanesFault(
  device: Runs & { readonly capabilities: Capabilities },
): Promise<string | undefined> {
  const group = Math.max(64, device.capabilities.subgroupMaxSize);
  const { block, release } = device.allocate(16 * group);
  device.run(device.kernel("lanes", { GROUP: `${group}u` }), [block], undefined, [1]);
  const found = new Uint32Array(await device.read(block));
  release();
  const size = found[0];
  const wrong = found.findIndex((value, k) => {
    const i = k >> 2;
    return value !== [size, i % size, i - (i % size), together][k % 4];
  });
  return wrong < 0
    ? undefined
    : `invocation ${wrong >> 2} is not where it should be among subgroups of ${size}`;
}
