// Starts main.ts: builds it into node_modules/.cache and runs it.
import { mkdirSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { build } from "esbuild";
import { esbuildShaders } from "../../scripts/shaders.mjs";

const outfile = "node_modules/.cache/melgrad/bench-browser.mjs";
mkdirSync("node_modules/.cache/melgrad", { recursive: true });
await build({
  entryPoints: ["bench/browser/main.ts"],
  outfile,
  bundle: true,
  format: "esm",
  platform: "node",
  target: "node20",
  packages: "external",
  plugins: [
    esbuildShaders,
    {
      name: "scripts-stay-where-they-are",
      setup: (build) =>
        build.onResolve({ filter: /\/scripts\/[\w-]+\.mjs$/ }, ({ path, resolveDir }) => ({
          path: pathToFileURL(resolve(resolveDir, path)).href,
          external: true,
        })),
    },
  ],
  logLevel: "error",
});
await import(new URL(`../../${outfile}`, import.meta.url).href);
