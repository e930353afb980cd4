// `npm run docs`: the table of operations in docs/ops.md, from what each says of itself, then the API reference in docs/api, made by
// TypeDoc from the docstrings of the public entry points. Nothing comes from the network. `--table` makes the table alone.
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { withMarked } from "./marked.mjs";

const root = join(fileURLToPath(import.meta.url), "..", "..");
export const begin = "<!-- operations: made by npm run docs -->";
export const end = "<!-- operations end -->";

/** The text between the markers, for the entries of the registry. Pure. */
export function opsText(entries) {
  const sorted = [...entries].sort((a, b) => (a.name < b.name ? -1 : 1));
  const cell = (text) => text.replaceAll("|", "\\|").replace(/\.$/, "");
  const rows = sorted.map(
    ({ name, doc, differentiable }) => `| \`${name}\` | ${cell(doc)} | ${differentiable ? "yes" : ""} |`,
  );
  return ["| operation | computes | gradient |", "| --- | --- | --- |", ...rows].join("\n");
}

/** The page with what stands between the markers replaced. Throws where a marker is missing. Pure. */
export function withOps(page, text) {
  return withMarked("docs/ops.md", page, { begin, end }, text);
}

/** Every operation there is: what src/ops enters in the registry. */
async function registryOf() {
  const { build } = await import("esbuild");
  const { esbuildShaders } = await import("./shaders.mjs");
  const files = readdirSync(join(root, "src/ops")).filter((name) => name.endsWith(".ts"));
  const outfile = join(root, "node_modules/.cache/melgrad-docs-ops.mjs");
  const imports = files.map((name) => `import "./src/ops/${name}";`).join("\n");
  const contents = `${imports}\nexport { registry } from "./src/ops/define.ts";`;
  await build({
    stdin: { contents, resolveDir: root, loader: "ts" },
    ...{
      outfile,
      bundle: true,
      format: "esm",
      platform: "node",
      logLevel: "error",
      plugins: [esbuildShaders],
    },
  });
  const { registry } = await import(pathToFileURL(outfile).href);
  rmSync(outfile);
  return [...registry.values()];
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const path = join(root, "docs/ops.md");
  const page = readFileSync(path, "utf8");
  const made = withOps(page, opsText(await registryOf()));
  if (made !== page) writeFileSync(path, made);
  if (!process.argv.includes("--table")) {
    const typedoc = join(root, "node_modules/typedoc/bin/typedoc");
    const { status } = spawnSync(process.execPath, [typedoc], { cwd: root, stdio: "inherit" });
    process.exitCode = status ?? 1;
  }
}
