// Builds dist/ from src/: the browser engine, its Node edition, the command, the runner of reference sets, the workers, and
// the types. An entry point that does not exist is passed over. `node esbuild.config.mjs`, which `npm ci` runs too.
import { spawn } from "node:child_process";
import { existsSync, readdirSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(fileURLToPath(import.meta.url));
process.chdir(root);

const esbuild = await import("esbuild").catch(() => {
  console.error("The build needs the dev dependencies: run npm ci without --omit=dev.");
  process.exit(1);
});
const { esbuildShaders } = await import("./scripts/shaders.mjs");

const common = {
  bundle: true,
  format: "esm",
  target: "es2022",
  plugins: [esbuildShaders],
  logLevel: "error",
  metafile: true,
};
const node = { ...common, platform: "node", target: "node20", packages: "external", sourcemap: true };
const workers = readdirSync("src/data").filter((name) => name.endsWith("-worker.ts"));

const builds = [
  { ...common, entryPoints: ["src/index.ts"], outfile: "dist/melgrad.js", platform: "browser", minify: true },
  { ...node, entryPoints: ["src/node.ts"], outfile: "dist/node.js" },
  {
    ...node,
    entryPoints: ["src/cli/main.ts"],
    outfile: "dist/cli.js",
    banner: { js: "#!/usr/bin/env node" },
  },
  { ...node, entryPoints: ["test/golden/main.ts"], outfile: "dist/golden.js" },
  ...workers.map((name) => ({
    ...node,
    entryPoints: [`src/data/${name}`],
    outfile: join("dist", name.replace(/\.ts$/, ".js")),
  })),
].filter((build) => existsSync(build.entryPoints[0]));

/** The declarations of what `melgrad` and `melgrad/node` export. */
function emitTypes() {
  if (!existsSync("src/index.ts") && !existsSync("src/node.ts")) return Promise.resolve();
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

/** The browser edition must run alone: it may import nothing, from npm or from Node. */
function checkAlone(outputs) {
  for (const [path, { imports }] of Object.entries(outputs)) {
    if (imports.length > 0) throw new Error(`${path} imports ${imports.map((each) => each.path).join(", ")}`);
  }
}

const start = performance.now();
const types = emitTypes();
const results = await Promise.allSettled([
  ...builds.map(async (options) => {
    const { metafile } = await esbuild.build(options);
    if (options.platform === "browser") checkAlone(metafile.outputs);
    return metafile.outputs;
  }),
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
