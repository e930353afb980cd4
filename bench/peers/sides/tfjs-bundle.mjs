// TensorFlow.js as one module: its core, all gradients, which its own build for Node leaves out, and the WebGPU backend.
import { existsSync } from "node:fs";
import { rename } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const folder = dirname(dirname(fileURLToPath(import.meta.url)));

const contents = `
export * from "@tensorflow/tfjs-core";
import "@tensorflow/tfjs-core/dist/register_all_gradients";
import "@tensorflow/tfjs-core/dist/public/chained_ops/register_all_chained_ops";
import "@tensorflow/tfjs-backend-webgpu";
`;

/** The core asks for Node's own modules by `require`. */
const requireOfNode =
  'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);';

/** The module's address; it is written beside the installed packages when it is first wanted. */
export async function bundleTfjs() {
  const file = join(folder, "node_modules", ".tfjs-webgpu.mjs");
  if (!existsSync(file)) {
    const { build } = await import("esbuild");
    const draft = `${file}.${process.pid}`;
    await build({
      stdin: { contents, resolveDir: folder },
      outfile: draft,
      bundle: true,
      format: "esm",
      platform: "browser",
      external: ["util", "node-fetch", "crypto", "string_decoder"],
      banner: { js: requireOfNode },
      logLevel: "error",
    });
    await rename(draft, file);
  }
  return pathToFileURL(file).href;
}
