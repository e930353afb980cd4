// What the sides of other libraries share: the project's own choice of an adapter as the page's navigator.gpu.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { loadEngine, root } from "./engine.mjs";

/** The version in a package's folder. */
export function packageVersion(folder) {
  return JSON.parse(readFileSync(join(folder, "package.json"), "utf8")).version;
}

/** The folder of a package that this bench installed for itself. */
export function peerPackage(name) {
  return join(root, "bench", "peers", "node_modules", name);
}

/**
 * Opens the adapter that melgrad would open and makes it the only one that this process's navigator.gpu gives. Returns the
 * adapter's description, with the object that must stay alive.
 */
export async function provideNavigator({ adapter }) {
  const { openNodeGpu } = await loadEngine();
  const host = await openNodeGpu({ adapter });
  const gpu = {
    requestAdapter: async () => host.adapter,
    getPreferredCanvasFormat: () => "bgra8unorm",
    wgslLanguageFeatures: host.gpu.wgslLanguageFeatures,
  };
  Object.defineProperty(globalThis, "navigator", {
    value: { gpu, userAgent: "node" },
    configurable: true,
    writable: true,
  });
  return host;
}
