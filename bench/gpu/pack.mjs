// Bundles the benchmark into dist/bench.js, which needs Node and the npm package webgpu and nothing else: for a machine with a
// GPU on which the other packages are not installed.  node bench/gpu/pack.mjs
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { esbuildShaders } from "../../scripts/shaders.mjs";

const root = join(dirname(fileURLToPath(import.meta.url)), "..", "..");
const { metafile } = await build({
  absWorkingDir: root,
  entryPoints: ["bench/gpu/entry.ts"],
  outfile: "dist/bench.js",
  bundle: true,
  format: "esm",
  platform: "node",
  target: "node20",
  external: ["webgpu"],
  plugins: [esbuildShaders],
  // Commander is CommonJS and asks for Node's own modules by require.
  banner: {
    js: 'import { createRequire as requireOf } from "node:module"; const require = requireOf(import.meta.url);',
  },
  metafile: true,
  logLevel: "error",
});
for (const [path, { bytes }] of Object.entries(metafile.outputs)) {
  console.log(`${path} ${(bytes / 1024).toFixed(0)} KB`);
}
