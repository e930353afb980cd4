// The order of the folders below src/: each imports only from the floors below it, the engine depends on nothing, what runs in a
// page knows nothing of Node, src/ takes nothing from the tools around it, and no file imports itself through others. It reads the
// sources' import statements; nothing is run.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { builtinModules } from "node:module";
import { dirname, join, relative, resolve } from "node:path";
import ts from "typescript";
import { describe, expect, it } from "vitest";

const root = resolve("src");

/** From the ground up. `io` stands on the tensors and `host` on the errors; all others may use both. */
const floors = [
  "gpu",
  "tensor",
  "ops",
  "nn",
  "audio",
  "checks",
  "patchifier",
  "data",
  "probe",
  "train",
  "bench",
  "cli",
];
const anywhere = new Set(["host", "io"]);
const engine = new Set(["gpu", "tensor", "ops", "nn", "io"]);
/** What the engine may take from host/: nothing of Node's. */
const pageHost = /^host\/(types|browser)\.ts$/;
/** Folders whose code runs in pages too. */
const inPages = new Set([...engine, "audio", "patchifier", "probe", "checks"]);
const allowedBelow: Readonly<Record<string, readonly string[]>> = {
  io: ["gpu", "tensor", "ops"],
  host: ["gpu"],
};

interface Import {
  file: string;
  /** A path below src/, or the name of a package or of Node's module. */
  target: string;
  local: boolean;
  typeOnly: boolean;
}

function sources(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && /\.(tsx?|js|mjs)$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name));
}

/** The source that is imported by a built file's name. */
function sourceOf(path: string): string {
  return [".ts", ".tsx"].map((end) => path.replace(/\.js$/, end)).find((each) => existsSync(each)) ?? path;
}

/** Every import, export-from and import() of a file; paths are relative to `base`. */
function importsOf(path: string, base = root): Import[] {
  const file = relative(base, path);
  const source = ts.createSourceFile(path, readFileSync(path, "utf8"), ts.ScriptTarget.Latest, true);
  const found: Import[] = [];
  const add = (specifier: ts.Node | undefined, typeOnly: boolean) => {
    if (!specifier || !ts.isStringLiteralLike(specifier)) return;
    const local = specifier.text.startsWith(".");
    const target = local ? relative(base, sourceOf(resolve(dirname(path), specifier.text))) : specifier.text;
    found.push({ file, target, local, typeOnly });
  };
  const visit = (node: ts.Node) => {
    if (ts.isImportDeclaration(node)) add(node.moduleSpecifier, node.importClause?.isTypeOnly ?? false);
    else if (ts.isExportDeclaration(node)) add(node.moduleSpecifier, node.isTypeOnly);
    else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument))
      add(node.argument.literal, true);
    else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
      add(node.arguments[0], false);
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

const all = sources(root).flatMap((path) => importsOf(path));
const folderOf = (path: string) => (path.includes("/") ? path.slice(0, path.indexOf("/")) : "");
const isNode = (name: string) => name.startsWith("node:") || builtinModules.includes(name);
const show = (each: Import) => `${each.file} imports ${each.target}`;

/** Whether a folder may import a path of another one. */
function allowed({ file, target, typeOnly }: Import): boolean {
  const from = folderOf(file);
  const to = folderOf(target);
  if (from === "" || from === to) return true;
  if (target === "version.ts") return !engine.has(from); // one constant, which imports nothing
  if (to === "") return from === "cli"; // the entry points stand above all but the commands
  if (engine.has(from) && to === "host") return pageHost.test(target);
  if (from === "host" && typeOnly && target === "data/types.ts") return true; // the shape of a progress report
  if (from in allowedBelow) return allowedBelow[from].includes(to) || anywhere.has(to);
  return anywhere.has(to) || floors.indexOf(to) < floors.indexOf(from);
}

describe("src/", () => {
  it("has only folders whose floor is known", () => {
    const folders = readdirSync(root, { withFileTypes: true }).filter((entry) => entry.isDirectory());
    expect(all.length).toBeGreaterThan(50);
    expect(
      folders.map((entry) => entry.name).filter((name) => ![...floors, ...anywhere].includes(name)),
    ).toEqual([]);
  });

  it("imports from the floors below only", () => {
    const wrong = all.filter((each) => each.local && !allowed(each));
    expect(wrong.map(show)).toEqual([]);
  });

  it("imports nothing from the folders beside it", () => {
    const outside = all.filter(({ target, local }) => local && target.startsWith(".."));
    expect(outside.map(show).sort()).toEqual([
      "cli/bench.ts imports ../node_modules/webgpu/package.json",
      "version.ts imports ../package.json",
    ]);
  });

  it("has an engine without dependencies", () => {
    const wrong = all.filter(
      (each) => engine.has(folderOf(each.file)) && !each.local && each.target !== "melgrad:shaders",
    );
    expect(wrong.map(show)).toEqual([]);
  });

  it("keeps Node out of what runs in pages", () => {
    const wrong = all.filter(
      ({ file, target, local, typeOnly }) =>
        inPages.has(folderOf(file)) &&
        !typeOnly &&
        ((!local && isNode(target)) || (local && folderOf(target) === "host" && !pageHost.test(target))),
    );
    expect(wrong.map(show)).toEqual([]);
  });
});

/** What an entry point reaches, and what it must not: modules of Node and packages. */
function reachedFrom(entry: string): { reached: string[]; wrong: string[] } {
  const reached = new Set<string>();
  const wrong: string[] = [];
  const walk = (file: string) => {
    if (reached.has(file)) return;
    reached.add(file);
    for (const each of all.filter((candidate) => candidate.file === file && !candidate.typeOnly)) {
      if (each.local) walk(each.target);
      else if (each.target !== "melgrad:shaders") wrong.push(show(each));
    }
  };
  walk(entry);
  return { reached: [...reached], wrong };
}

describe("the browser editions", () => {
  it("reach no module of Node, no package, and no command", () => {
    const { reached, wrong } = reachedFrom("index.ts");
    expect(reached.length).toBeGreaterThan(10);
    expect(wrong).toEqual([]);
    expect(reached.filter((file) => folderOf(file) === "cli")).toEqual([]);
  });

  it("have an engine that stands alone", () => {
    const { reached, wrong } = reachedFrom("engine-page.ts");
    expect(wrong).toEqual([]);
    const outside = reached.filter((file) => folderOf(file) !== "" && !engine.has(folderOf(file)));
    expect(outside.filter((file) => !pageHost.test(file))).toEqual([]);
    expect(reached.filter((file) => folderOf(file) === "").sort()).toEqual(["engine-page.ts", "engine.ts"]);
  });
});

/**
 * Files that import one another, directly or through others, as one group each. Imports of types count: such files cannot be read
 * one after the other either.
 */
function circlesOf(imports: readonly Import[]): string[][] {
  const targets = new Map<string, string[]>();
  for (const { file, target, local } of imports) {
    if (local) targets.set(file, [...(targets.get(file) ?? []), target]);
  }
  const reachedFrom = (start: string) => {
    const reached = new Set<string>();
    const open = [start];
    for (let file = open.pop(); file !== undefined; file = open.pop()) {
      for (const target of targets.get(file) ?? []) {
        if (!reached.has(target)) open.push(target);
        reached.add(target);
      }
    }
    return reached;
  };
  const reach = new Map([...targets.keys()].map((file) => [file, reachedFrom(file)]));
  const groups = [...reach]
    .filter(([file, reached]) => reached.has(file))
    .map(([file, reached]) =>
      [...reached]
        .filter((other) => reach.get(other)?.has(file))
        .sort()
        .join(),
    );
  return [...new Set(groups)].sort().map((group) => group.split(","));
}

describe("circles", () => {
  const edge = (file: string, target: string): Import => ({ file, target, local: true, typeOnly: false });

  it("are found", () => {
    const imports = [edge("a", "b"), edge("b", "c"), edge("c", "a"), edge("d", "a"), edge("e", "e")];
    expect(circlesOf(imports)).toEqual([["a", "b", "c"], ["e"]]);
  });

  it("are none, but for a tensor and the Gpu that makes it", () => {
    const base = resolve(".");
    const files = ["src", "bench", "web", "scripts", "examples"].flatMap((folder) =>
      sources(resolve(folder)),
    );
    const imports = files
      .filter((path) => !path.includes("node_modules"))
      .flatMap((path) => importsOf(path, base));
    expect(imports.length).toBeGreaterThan(1000);
    expect(circlesOf(imports)).toEqual([["src/tensor/gpu.ts", "src/tensor/tensor.ts"]]);
  });
});
