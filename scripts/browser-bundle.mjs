// Makes the browser editions: one ESM file of an entry point and all it needs, as small as it gets, with the shaders inside. What
// it leaves out is said beside each step; a person who develops shaders in a page bundles src/ with scripts/shaders.mjs instead.
import { readFile } from "node:fs/promises";
import { build } from "esbuild";
import { minify } from "terser";
import { bundleShaders } from "./shaders.mjs";

/** What an operation's `doc` says is for people and for the tests. */
const withoutDocs = {
  name: "without-docs",
  setup(build) {
    build.onLoad({ filter: /[\\/]src[\\/]ops[\\/][\w-]+\.ts$/ }, async ({ path }) => ({
      contents: (await readFile(path, "utf8")).replace(/\bdoc:\s*(?:"(?:[^"\\]|\\.)*"|`[^`]*`)/g, 'doc: ""'),
      loader: "ts",
    }));
  },
};

/** Every kernel by rule and none instead of another: modules whose name ends in -none take the place of those that know better. */
const withoutTuner = {
  name: "without-tuner",
  setup(build) {
    const instead = { "./tuner.js": "./tuner-none.js", "./tuning-matmul.js": "./tuning-none.js" };
    instead["./tuning-attention.js"] = "./tuning-none.js";
    instead["./alternatives.js"] = "./alternatives-none.js";
    instead["../ops/alternatives.js"] = "../ops/alternatives-none.js";
    instead["./indices.js"] = "./indices-none.js";
    const filter = /^\.+\/(ops\/)?(tuner|tuning-matmul|tuning-attention|alternatives|indices)\.js$/;
    build.onResolve({ filter }, ({ path, ...from }) =>
      build.resolve(instead[path], { importer: from.importer, resolveDir: from.resolveDir, kind: from.kind }),
    );
  },
};

/** Shaders of what runs in Node only. */
const notInBrowsers = ["bench/", "half"];
/** Those that are not the engine's, and one for a feature that browsers have behind a switch only (tuner-none.ts). */
const notEngine = [...notInBrowsers, "audio/", "check/", "probe/", "matmul/subgroup_matrix"];

/**
 * The text of a bundle. `alone`: the engine without the tuner, the audio front end's shaders and the probe's.
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
    plugins: [
      bundleShaders({ minify: true, without: alone ? notEngine : notInBrowsers }),
      withoutDocs,
      ...(alone ? [withoutTuner] : []),
    ],
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
