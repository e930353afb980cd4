// Reads shaders/ into one module, `melgrad:shaders`: a record from a shader's name (its path below shaders/, without
// .wgsl) to its text. One implementation serves the build (esbuild), the tests (Vite) and, minified, the browser
// bundle. It does not expand `#include`, `#define` or `#if`; src/gpu/preprocess.ts does that when a kernel is built.
import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../shaders", import.meta.url));
const moduleName = "melgrad:shaders";

/** Every .wgsl file below `folder`, as absolute paths in a stable order. */
export function shaderFiles(folder = root) {
  return readdirSync(folder, { withFileTypes: true })
    .sort((a, b) => a.name.localeCompare(b.name))
    .flatMap((entry) => {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) return shaderFiles(path);
      return entry.name.endsWith(".wgsl") ? [path] : [];
    });
}

/** Drops comments and blank lines but keeps the line count, so that an error's line is the file's line. */
function stripComments(text) {
  return text
    .split("\n")
    .map((line) => line.replace(/\/\/.*$/, "").trimEnd())
    .join("\n");
}

/** The module's source text. */
export function shaderModule() {
  const entries = shaderFiles().map((path) => [
    relative(root, path)
      .replaceAll("\\", "/")
      .replace(/\.wgsl$/, ""),
    stripComments(readFileSync(path, "utf8")),
  ]);
  return `export default ${JSON.stringify(Object.fromEntries(entries))};`;
}

/** esbuild plugin. */
export const esbuildShaders = {
  name: "melgrad-shaders",
  setup(build) {
    build.onResolve({ filter: /^melgrad:shaders$/ }, () => ({ path: moduleName, namespace: "melgrad" }));
    build.onLoad({ filter: /.*/, namespace: "melgrad" }, () => ({
      contents: shaderModule(),
      loader: "js",
      watchFiles: shaderFiles(),
    }));
  },
};

/** Vite plugin, for vitest. */
export const viteShaders = {
  name: "melgrad-shaders",
  enforce: "pre",
  resolveId: (id) => (id === moduleName ? `\0${moduleName}` : undefined),
  load: (id) => (id === `\0${moduleName}` ? shaderModule() : undefined),
};
