// Makes the browser editions: one ESM file of an entry point and all it needs, as small as it gets, with the shaders inside. What
// it leaves out is said beside each step; a person who develops shaders in a page bundles src/ with scripts/shaders.mjs instead.
import { readFile } from "node:fs/promises";
import { build } from "esbuild";
import { minify } from "terser";
import ts from "typescript";
import { bundleShaders } from "./shaders.mjs";

/** The sources of operations without their `doc`, which is for people and for the tests. */
const withoutDocs = {
  name: "without-docs",
  setup(build) {
    build.onLoad({ filter: /[\\/]src[\\/]ops[\\/][\w-]+\.ts$/ }, async ({ path }) => ({
      contents: without("doc", await readFile(path, "utf8")),
      loader: "ts",
    }));
  },
};

/** A source in which no object is given a property of this name. */
function without(property, text) {
  const source = ts.createSourceFile("source.ts", text, ts.ScriptTarget.Latest);
  let kept = "";
  let from = 0;
  const visit = (node) => {
    if (ts.isPropertyAssignment(node) && ts.isIdentifier(node.name) && node.name.text === property) {
      kept += text.slice(from, node.getStart(source));
      from = node.end + (/^\s*,/.exec(text.slice(node.end))?.[0].length ?? 0);
    } else ts.forEachChild(node, visit);
  };
  visit(source);
  return kept + text.slice(from);
}

/** Shaders of what runs in Node only. */
const notInBrowsers = ["bench/", "half"];
/** Those that are not the engine's, and one that no rule chooses. */
const notEngine = [...notInBrowsers, "audio/", "check/", "probe/", "matmul/subgroup_matrix"];

/**
 * The text of a bundle. `alone`: the engine, without the shaders of the audio front end, the probe and the checks.
 *
 * @returns {Promise<{ code: string, imports: string[] }>} what it imports is [] or a mistake
 */
export async function browserBundle(entry, { alone = false } = {}) {
  const { outputFiles, metafile } = await build({
    entryPoints: [entry],
    outfile: "bundle.js",
    write: false,
    metafile: true,
    bundle: true,
    format: "esm",
    target: "es2022",
    platform: "browser",
    minify: true,
    // Fields that a constructor sets need not be declared as well.
    tsconfigRaw: { compilerOptions: { useDefineForClassFields: false } },
    plugins: [bundleShaders({ minify: true, without: alone ? notEngine : notInBrowsers }), withoutDocs],
    logLevel: "error",
  });
  const { code } = await minify(outputFiles[0].text, {
    module: true,
    ecma: 2022,
    compress: { passes: 3 },
    format: { comments: false },
  });
  if (!code) throw new Error(`${entry} could not be made smaller.`);
  return {
    code: `${code}\n`,
    imports: Object.values(metafile.outputs).flatMap((output) => output.imports.map(({ path }) => path)),
  };
}
