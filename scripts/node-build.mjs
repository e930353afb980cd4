// How sources are bundled for Node, the same for what `npm ci` builds and for the project's own tools. Settings only.
import { esbuildShaders } from "./shaders.mjs";

export const nodeBuild = {
  bundle: true,
  format: "esm",
  target: "node20",
  platform: "node",
  packages: "external",
  plugins: [esbuildShaders],
  logLevel: "error",
  sourcemap: true,
};
