// Builds the browser app into dist/web: the page, its worker, the parts that load later, the style, the released model beside them. Plain names, so that a build is
// easy to look at; parts that several share have a hash. `node web/build.mjs [FOLDER]`.
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { esbuildShaders } from "../scripts/shaders.mjs";

const here = dirname(fileURLToPath(import.meta.url));
export const defaultFolder = join(here, "../dist/web");

/** The released model that is the package's default: its folder; undefined where there is none. */
function usualModel() {
  const models = process.env.MELGRAD_MODELS || join(here, "../models");
  if (!existsSync(join(models, "index.json"))) return undefined;
  return join(models, JSON.parse(readFileSync(join(models, "index.json"), "utf8")).default);
}

/** Puts a released model beside the page, and returns what the worker has to know of it before it fetches it. */
export function layModel(from, folder) {
  const to = join(folder, "model");
  mkdirSync(to);
  for (const name of ["model.safetensors", "config.json"]) copyFileSync(join(from, name), join(to, name));
  const { preset } = JSON.parse(readFileSync(join(from, "config.json"), "utf8"));
  return { name: basename(from), preset, bytes: statSync(join(from, "model.safetensors")).size };
}

/**
 * Builds into `folder`, which is emptied first. `model` is the folder of the released model that the page begins with, false for none. `entry`
 * replaces the page's script and `worker: false` leaves the worker out: for tests. Returns esbuild's metafile, by which weight can be judged.
 */
export async function buildWeb({
  folder = defaultFolder,
  entry = join(here, "main.ts"),
  worker = true,
  model = usualModel(),
} = {}) {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const released = model ? layModel(model, folder) : undefined;
  const workerEntry = join(here, "worker/main.ts");
  const { metafile } = await build({
    entryPoints: {
      main: entry,
      ...(worker && existsSync(workerEntry) ? { "worker/main": workerEntry } : {}),
    },
    outdir: folder,
    absWorkingDir: join(here, ".."),
    bundle: true,
    splitting: true,
    format: "esm",
    target: "es2022",
    platform: "browser",
    minify: true,
    sourcemap: "linked",
    sourcesContent: false,
    chunkNames: "part-[hash]",
    metafile: true,
    define: { RELEASED_MODEL: released ? JSON.stringify(released) : "undefined" },
    external: ["@wasm-audio-decoders/opus-ml"], // an option of the Opus decoder that is not used, 4 MB
    loader: { ".wgsl": "text", ".worklet.js": "file" },
    assetNames: "[name]-[hash]",
    plugins: [esbuildShaders],
    logLevel: "error",
  });
  await build({
    // style.css first: what the views add may rest on it.
    stdin: {
      contents: styles()
        .map((name) => `@import "./${name}";`)
        .join(""),
      resolveDir: here,
      loader: "css",
    },
    outfile: join(folder, "style.css"),
    bundle: true,
    minify: true,
    target: "es2022",
    logLevel: "error",
  });
  for (const name of ["index.html", "icon.svg"]) copyFileSync(join(here, name), join(folder, name));
  return metafile;
}

/** The style sheets of the page and of its views. */
function styles() {
  const names = (folder) => readdirSync(join(here, folder)).filter((name) => name.endsWith(".css"));
  const own = names(".").filter((name) => name !== "style.css");
  return [
    "style.css",
    ...own.sort(),
    ...names("views")
      .sort()
      .map((name) => `views/${name}`),
  ];
}

if (process.argv[1] && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const { outputs } = await buildWeb({ folder: process.argv[2] ? resolve(process.argv[2]) : defaultFolder });
  for (const [path, { bytes }] of Object.entries(outputs)) {
    if (!path.endsWith(".map")) console.log(`${path} ${(bytes / 1024).toFixed(0)} KB`);
  }
}
