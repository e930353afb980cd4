// Builds dist/ from src/: the browser editions (scripts/browser-bundle.mjs), the Node edition, the command, its
// workers, and the types. `node esbuild.config.mjs`, which `npm ci` runs too; the project's own tools are built by scripts/run.mjs.
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

const root = dirname(fileURLToPath(import.meta.url));
process.chdir(root);

const esbuild = await import("esbuild").catch(() => {
  console.error("The build needs the dev dependencies: run npm ci without --omit=dev.");
  process.exit(1);
});
const { browserBundle } = await import("./scripts/browser-bundle.mjs");
const { nodeBuild } = await import("./scripts/node-build.mjs");

const node = { ...nodeBuild, metafile: true };
const workers = readdirSync("src/data").filter((name) => name.endsWith("-worker.ts"));

const builds = [
  { ...node, entryPoints: ["src/node.ts"], outfile: "dist/node.js" },
  {
    ...node,
    entryPoints: ["src/cli/main.ts"],
    outfile: "dist/cli.js",
    banner: { js: "#!/usr/bin/env node" },
  },
  ...workers.map((name) => ({
    ...node,
    entryPoints: [`src/data/${name}`],
    outfile: join("dist", name.replace(/\.ts$/, ".js")),
  })),
].filter((build) => existsSync(build.entryPoints[0]));

/** The browser editions, by the names of their entry points below src/. */
const editions = [
  { entry: "index", file: "dist/melgrad.js" },
  { entry: "engine-page", file: "dist/engine.js", alone: true },
];

/** Writes a browser edition, which must run alone: it may import nothing, from npm or from Node. */
async function buildEdition({ entry, file, alone }) {
  const { code, imports } = await browserBundle(`src/${entry}.ts`, { alone });
  if (imports.length > 0) throw new Error(`${file} imports ${imports.join(", ")}`);
  mkdirSync("dist", { recursive: true });
  writeFileSync(file, code);
  // For whoever imports the file itself.
  writeFileSync(file.replace(/\.js$/, ".d.ts"), `export * from "./types/${entry}.js";\n`);
  const zipped = (gzipSync(code, { level: 9 }).length / 1000).toFixed(1);
  return { [`${file} (${zipped} KB gzipped)`]: { bytes: code.length } };
}

/** The declarations of what `melgrad`, `melgrad/engine` and `melgrad/node` export. */
function emitTypes() {
  const compiler = createRequire(import.meta.url).resolve("typescript/bin/tsc");
  rmSync("dist/types", { recursive: true, force: true });
  return new Promise((done, fail) => {
    const tsc = spawn(process.execPath, [compiler, "-p", "tsconfig.build.json"], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    let output = "";
    for (const stream of [tsc.stdout, tsc.stderr]) {
      stream.on("data", (data) => {
        output += data;
      });
    }
    tsc.on("error", fail);
    tsc.on("close", (code) => (code === 0 ? done() : fail(new Error(`types: ${output.trim()}`))));
  });
}

const start = performance.now();
const types = emitTypes();
const results = await Promise.allSettled([
  ...editions.map(buildEdition),
  ...builds.map(async (options) => (await esbuild.build(options)).metafile.outputs),
  types,
]);
const failures = results.filter((result) => result.status === "rejected");
for (const { reason } of failures) {
  if (!reason.errors) console.error(reason.message ?? reason); // esbuild has printed its own
}
if (failures.length > 0) {
  console.error("The build failed.");
  process.exit(1);
}
for (const { value } of results) {
  for (const [path, { bytes }] of Object.entries(value ?? {})) {
    if (!path.endsWith(".map")) console.log(`${path} ${(bytes / 1024).toFixed(0)} KB`);
  }
}
console.log(`built in ${((performance.now() - start) / 1000).toFixed(1)} s`);
