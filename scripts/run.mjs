// Builds one of the project's own tools into dist/ and runs it: `node scripts/run.mjs NAME ARGUMENTS…`. Tools are not part of the
// package, so `npm ci` does not build them. They lie beside the command because they start the same workers as it does.
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build } from "esbuild";
import { nodeBuild } from "./node-build.mjs";

const tools = {
  golden: "test/golden/main.ts",
  fuzz: "test/fuzz/main.ts",
  faults: "test/faults/main.ts",
  learning: "bench/learning/main.ts",
  release: "bench/release/main.ts",
};

const [name, ...rest] = process.argv.slice(2);
const entry = tools[name];
if (!entry) {
  console.error(`There is no tool "${name ?? ""}": write one of ${Object.keys(tools).join(", ")}.`);
  process.exit(2);
}
const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const outfile = join(root, "dist", `${name}.js`);
await build({
  ...nodeBuild,
  absWorkingDir: root,
  entryPoints: [entry],
  outfile,
});
process.argv = [process.argv[0], outfile, ...rest];
await import(pathToFileURL(outfile).href);
