// What npm packs and what a project that installs it gets: which files, how many bytes, no native binary; and what a program is told in
// Node where Dawn is not installed. The editions at work in pages and in TypeScript are in test/browser/package.test.ts.
import { execFile } from "node:child_process";
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { build } from "esbuild";
import { afterAll, beforeAll, expect, it } from "vitest";
import { esbuildShaders } from "../../scripts/shaders.mjs";
import { dawnPackage } from "../../src/host/node/dawn.js";

const run = promisify(execFile);
const manifest = JSON.parse(readFileSync("package.json", "utf8"));
const lock = JSON.parse(readFileSync("package-lock.json", "utf8"));
const scratch = mkdtempSync(join(tmpdir(), "melgrad-package-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

interface Packed {
  size: number;
  unpackedSize: number;
  files: { path: string; size: number }[];
}

let packed: Packed;
beforeAll(async () => {
  // Of the built files as they are: what is in the list counts here, not what the build makes of the sources.
  const pack = ["pack", "--dry-run", "--json", "--ignore-scripts"];
  const { stdout } = await run("npm", pack, { maxBuffer: 1 << 26 });
  packed = JSON.parse(stdout.slice(stdout.search(/^\[/m)))[0];
});

it("holds what its users need", () => {
  const paths = packed.files.map(({ path }) => path);
  const needed = [
    "dist/cli.js",
    "dist/node.js",
    "dist/melgrad.js",
    "dist/engine.js",
    "dist/decode-worker.js",
  ];
  needed.push("dist/render-worker.js", "dist/types/index.d.ts", "dist/types/node.d.ts", "dist/engine.d.ts");
  needed.push(
    "README.md",
    "LICENSE",
    "CHANGELOG.md",
    "package.json",
    "docs/guide.md",
    "docs/engine.md",
    "train.js",
  );
  expect(needed.filter((path) => !paths.includes(path))).toEqual([]);
  expect(paths.filter((path) => path.startsWith("models/")).length).toBeGreaterThan(0);
});

it("holds nothing of tests, tools and benchmarks, and no map of the sources", () => {
  const known =
    /^(dist|docs|examples|models)\/|^(README|CHANGELOG)\.md$|^LICENSE$|^package\.json$|^train\.js$/;
  const odd = packed.files.filter(({ path }) => !known.test(path));
  expect(odd).toEqual([]);
  const wrong =
    /\.map$|\.tsbuildinfo$|^dist\/(golden|fuzz|learning|release|bench)|^docs\/api|(^|\/)(src|test)\//;
  expect(packed.files.filter(({ path }) => wrong.test(path))).toEqual([]);
});

it("has a size", () => {
  const models = packed.files.filter(({ path }) => path.startsWith("models/"));
  const released = models.reduce((sum, { size }) => sum + size, 0);
  const kB = (bytes: number) => `${Math.round(bytes / 1000)} kB`;
  console.log(`packed ${kB(packed.size)}, unpacked ${kB(packed.unpackedSize)}, of it models ${kB(released)}`);
  expect(packed.unpackedSize - released).toBeLessThan(4_000_000);
});

/** Packages that npm installs with melgrad, as folders of the lock file, without those for its own development. */
function installed(): string[] {
  const folders = new Set<string>();
  const resolveFrom = (folder: string, name: string): string | undefined => {
    for (let at = folder; ; at = at.slice(0, Math.max(0, at.lastIndexOf("/node_modules/")))) {
      const path = `${at === "" ? "" : `${at}/`}node_modules/${name}`;
      if (lock.packages[path]) return path;
      if (at === "") return undefined;
    }
  };
  const walk = (folder: string, { dependencies = {}, optionalDependencies = {} }) => {
    for (const name of Object.keys({ ...dependencies, ...optionalDependencies })) {
      const path = resolveFrom(folder, name);
      if (!path) throw new Error(`${folder} needs ${name}, which is not in the lock file.`);
      if (folders.has(path)) continue;
      folders.add(path);
      walk(path, lock.packages[path]);
    }
  };
  walk("", manifest);
  return [...folders];
}

it("brings no native binary, no install script and nothing for one system only", () => {
  const folders = installed();
  expect(folders.length).toBeGreaterThan(10);
  expect(folders).toContain("node_modules/commander");
  expect(folders).not.toContain("node_modules/webgpu");
  for (const folder of folders) {
    const { hasInstallScript, os, cpu } = lock.packages[folder];
    expect({ folder, hasInstallScript, os, cpu }).toEqual({ folder });
    const binaries = readdirSync(folder, { recursive: true, encoding: "utf8" });
    expect(binaries.filter((path) => /\.(node|so|dylib|dll|exe)(\.\d+)*$/.test(path))).toEqual([]);
  }
});

it("names one version of Dawn, for whoever runs it in Node and for its own development", () => {
  const { peerDependencies, peerDependenciesMeta, devDependencies } = manifest;
  expect(dawnPackage).toBe(`webgpu@${peerDependencies.webgpu}`);
  expect(devDependencies.webgpu).toBe(peerDependencies.webgpu);
  expect(peerDependenciesMeta.webgpu).toEqual({ optional: true });
  expect(lock.packages["node_modules/webgpu"].version).toBe(peerDependencies.webgpu);
});

/** A project with melgrad's dependencies as npm installs them, and these files built from the sources. */
async function withoutDawn(entries: Readonly<Record<string, string>>): Promise<string> {
  const folder = mkdtempSync(join(scratch, "project-"));
  for (const path of ["node_modules"])
    if (!existsSync(join(folder, path))) await run("mkdir", ["-p", join(folder, path)]);
  for (const path of installed()) {
    const target = join(folder, path);
    if (!existsSync(target)) {
      await run("mkdir", ["-p", join(target, "..")]);
      symlinkSync(resolve(path), target);
    }
  }
  const common = { bundle: true, format: "esm", platform: "node", packages: "external" } as const;
  for (const [outfile, entry] of Object.entries(entries)) {
    const plugins = [esbuildShaders];
    await build({
      ...common,
      plugins,
      entryPoints: [entry],
      outfile: join(folder, outfile),
      logLevel: "error",
    });
  }
  return folder;
}

it("says in Node what to install where Dawn is not, to a program and to the command", async () => {
  const folder = await withoutDawn({ "node.mjs": "src/node.ts", "cli.mjs": "src/cli/main.ts" });
  const script = `import { open } from "./node.mjs";
    await open().then(() => console.log("opened"), (error) => console.log(error.name, error.message));`;
  writeFileSync(join(folder, "main.mjs"), script);
  const { stdout } = await run(process.execPath, ["main.mjs"], { cwd: folder });
  expect(stdout).toMatch(/^NoAdapterError .*npm install webgpu@\d/);
  expect(stdout.trim().split("\n")).toHaveLength(1);

  const bench = [join(folder, "cli.mjs"), "bench", "--suite", "roofline"];
  const failed = await run(process.execPath, bench, { cwd: folder }).then(
    () => undefined,
    (error: { code: number; stderr: string }) => error,
  );
  expect(failed?.code).toBe(1);
  expect(failed?.stderr).toMatch(/npm install webgpu@\d/);
  expect(failed?.stderr).not.toMatch(/at .*\.mjs:\d/); // no stack

  const { stdout: help } = await run(process.execPath, [join(folder, "cli.mjs"), "--version"], {
    cwd: folder,
  });
  expect(help.trim()).toBe(manifest.version);
});
