// Code blocks of Markdown pages as programs: taken out, compiled by TypeScript against the sources, and run in a process of their own.
import { execFile } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { build } from "esbuild";
import { esbuildShaders } from "../../scripts/shaders.mjs";

const run = promisify(execFile);

export interface CodeBlock {
  /** The page, the heading above and the line, for a failing test. */
  at: string;
  heading: string;
  language: string;
  code: string;
}

/** Every fenced block of a page, in order. */
export function codeBlocks(page: string): CodeBlock[] {
  const blocks: CodeBlock[] = [];
  const lines = readFileSync(page, "utf8").split("\n");
  let heading = "";
  for (let i = 0; i < lines.length; i++) {
    const fence = /^```(\w*)$/.exec(lines[i]);
    if (!fence && lines[i].startsWith("#")) heading = lines[i].replace(/^#+ /, "");
    if (!fence) continue;
    const start = i + 1;
    while (lines[++i] !== "```") {
      if (i >= lines.length) throw new Error(`${page}:${start}: the code block has no end.`);
    }
    const code = `${lines.slice(start, i).join("\n")}\n`;
    blocks.push({ at: `${page}:${start}`, heading, language: fence[1], code });
  }
  return blocks;
}

/** The package's names and the files that they stand for. */
const sources = {
  "melgrad/node": "src/node.ts",
  "melgrad/engine": "src/engine-page.ts",
  melgrad: "src/index.ts",
};

/** A folder for programs, inside node_modules so that they find the packages; remove it afterwards. */
export function blockFolder(name: string): { path: string; remove(): void } {
  const path = resolve("node_modules/.cache", `melgrad-blocks-${name}-${process.pid}`);
  mkdirSync(path, { recursive: true });
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

/** What TypeScript has against these files (name → text), which import the package or `#root/…`; empty where all is well. */
export async function typeErrors(folder: string, files: Readonly<Record<string, string>>): Promise<string> {
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  const paths = Object.fromEntries(Object.entries(sources).map(([name, path]) => [name, [resolve(path)]]));
  const compilerOptions = {
    paths: { ...paths, "#root/*": [resolve("*")] },
    incremental: false,
    tsBuildInfoFile: null,
    noUnusedLocals: false,
    typeRoots: [resolve("node_modules/@types")],
    types: [resolve("node_modules/@webgpu/types"), "node"],
  };
  const include = [...Object.keys(files), resolve("src/shaders.d.ts")];
  const config = { extends: resolve("tsconfig.json"), compilerOptions, include };
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(config));
  const tsc = resolve("node_modules/typescript/bin/tsc");
  return run(process.execPath, [tsc, "-p", folder], { maxBuffer: 1 << 24 }).then(
    () => "",
    (error: { stdout: string; stderr: string }) => error.stdout + error.stderr,
  );
}

/** Bundles a program of TypeScript that imports the package, and runs it; gives what it printed, and throws where it fails. */
export async function runProgram(folder: string, name: string, code: string): Promise<string> {
  const entry = join(folder, `${name}.ts`);
  const outfile = join(folder, `${name}.js`);
  writeFileSync(entry, code);
  const alias = Object.fromEntries(Object.entries(sources).map(([from, path]) => [from, resolve(path)]));
  const plugins = [esbuildShaders];
  const common = { bundle: true, format: "esm", platform: "node", packages: "external", plugins } as const;
  await build({
    ...common,
    alias: { ...alias, "#root": resolve(".") },
    entryPoints: [entry],
    outfile,
    logLevel: "error",
  });
  const { stdout } = await run(process.execPath, [outfile], { timeout: 90_000 });
  return stdout;
}
