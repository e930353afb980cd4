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

/**
 * The same shader in fewer characters, for browsers: without comments, line ends and blanks that mean nothing. Directives keep
 * lines of their own. Nothing is renamed, so texts are equal but for blanks, and so are their hashes (src/gpu/shader-sources.ts).
 */
export function minifyShader(text) {
  const lines = [];
  for (const raw of stripComments(text).split("\n")) {
    const line = raw.trim().replace(/\s+/g, " ");
    if (line === "") continue;
    const directive = /^#\w/.test(line);
    const joins = !directive && lines.length > 0 && !/^#\w/.test(lines[lines.length - 1]);
    if (joins) lines[lines.length - 1] += ` ${line}`;
    else lines.push(line);
  }
  return lines.map((line) => (/^#\w/.test(line) ? line : squeeze(line))).join("\n");
}

/** Drops the blanks of a line except between words, beside # (which joins words), and where two operators would become one. */
function squeeze(line) {
  return line.replace(/(.) (?=(.))/g, (both, before, after) => {
    const words = /[\w#.]/.test(before) && /[\w#.]/.test(after);
    const operators = /[-+&|<>=]/.test(before) && /[-+&|<>=]/.test(after);
    return words || operators ? both : before;
  });
}

/** The module's source text. `minify`: as small as it gets. `without`: beginnings of the names of shaders to leave out. */
export function shaderModule({ minify = false, without = [] } = {}) {
  const entries = shaderFiles()
    .map((path) => [
      relative(root, path)
        .replaceAll("\\", "/")
        .replace(/\.wgsl$/, ""),
      readFileSync(path, "utf8"),
    ])
    .filter(([name]) => !without.some((start) => name.startsWith(start)))
    .map(([name, text]) => [name, minify ? minifyShader(text) : stripComments(text)]);
  return `export default ${JSON.stringify(Object.fromEntries(entries))};`;
}

/** esbuild plugin, with shaderModule's options. */
export function bundleShaders(options) {
  return {
    name: "melgrad-shaders",
    setup(build) {
      build.onResolve({ filter: /^melgrad:shaders$/ }, () => ({ path: moduleName, namespace: "melgrad" }));
      build.onLoad({ filter: /.*/, namespace: "melgrad" }, () => ({
        contents: shaderModule(options),
        loader: "js",
        watchFiles: shaderFiles(),
      }));
    },
  };
}

/** The same with every shader as it stands. */
export const esbuildShaders = bundleShaders();

/** Vite plugin, for vitest. */
export const viteShaders = {
  name: "melgrad-shaders",
  enforce: "pre",
  resolveId: (id) => (id === moduleName ? `\0${moduleName}` : undefined),
  load: (id) => (id === `\0${moduleName}` ? shaderModule() : undefined),
};
