// f16 on adapters where Dawn leaves it off by itself (NVIDIA's driver for Vulkan) and dawn.ts turns it on: it is used only after a
// test of what kernels build on. Not here: the kernels' own checks.
import type { Device } from "../../gpu/device.js";

/** Why a device's f16 is not to be trusted; undefined where load, store, conversion and products are right, or there is none. */
export async function halfFault(device: Device): Promise<string | undefined> {
  if (!device.capabilities.f16) return undefined;
  // Quarters up to 2: exact in f16, and so are sums of eight products of them.
  const x = Float32Array.from({ length: 64 }, (_, i) => (((i * 37) % 17) - 8) / 4);
  const allocated = [256, 128, 128, 768].map((bytes) => device.allocate(bytes));
  const blocks = allocated.map(({ block }) => block);
  device.write(blocks[0], x);
  device.run(device.kernel("half"), blocks, undefined, [1]);
  const got = new Float32Array(await device.read(blocks[3]));
  for (const { release } of allocated) release();
  for (let i = 0; i < 64; i++) {
    let product = 0;
    for (let k = 0; k < 8; k++) product += x[i - (i % 8) + k] * x[8 * k + (i % 8)];
    if (got[128 + i] !== x[i]) return `${x[i]} was stored and ${got[128 + i]} loaded`;
    if (got[i] !== product || got[64 + i] !== product) {
      return `a product is ${got[i]} and ${got[64 + i]}, not ${product}`;
    }
  }
  return undefined;
}
