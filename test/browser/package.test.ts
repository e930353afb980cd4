// The package that npm delivers, in the hands of those who use it: a plain page, a web worker, an esbuild and a Vite project in a
// real Chromium, each computing what float64 computes, and a TypeScript project. What the editions weigh is held here too.
import { execFile } from "node:child_process";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join, relative, resolve } from "node:path";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { afterAll, beforeAll, expect, it } from "vitest";
import { shaderFiles } from "../../scripts/shaders.mjs";
import { erf } from "../ops/reference.js";
import { closeBrowser, openPage, type PageOptions } from "./launch.js";
import { type Project, packedProject } from "./packed.js";

const run = promisify(execFile);
let project: Project;
const at = (path: string) => join(project.folder, path);

beforeAll(async () => {
  project = await packedProject();
}, 240_000);

afterAll(async () => {
  await closeBrowser();
  await project?.remove();
});

/** What each of them runs: the value of Σ gelu(x·w)² and its gradient for w, with what it started from. */
const work = (from: string) => `
import { open } from ${JSON.stringify(from)};
export async function work() {
  const gpu = await open();
  const x = gpu.randn([7, 5]);
  const w = gpu.randn([5, 3]).withGrad();
  const loss = x.matmul(w).gelu().square().sum();
  loss.backward();
  const result = { x: [...await x.data()], w: [...await w.data()], loss: await loss.item(), grad: [...await w.grad.data()] };
  gpu.close();
  return result;
}`;
const show = `
work().then((result) => { document.title = "done"; globalThis.result = result; },
  (error) => { document.title = "done"; console.error(error); });`;

interface Result {
  x: number[];
  w: number[];
  loss: number;
  grad: number[];
}

const gelu = (z: number) => 0.5 * z * (1 + erf(z / Math.SQRT2));
const slope = (z: number) =>
  0.5 * (1 + erf(z / Math.SQRT2)) + (z * Math.exp((-z * z) / 2)) / Math.sqrt(2 * Math.PI);

/** Opens a page that runs `work` and compares what it found with float64. */
async function expectRight(options: PageOptions): Promise<void> {
  const { page, errors, close } = await openPage(options);
  await page.waitForFunction(() => document.title === "done");
  const result = await page.evaluate(() => (globalThis as unknown as { result: Result }).result);
  await close();
  expect(errors).toEqual([]);
  const { x, w, loss, grad } = result;
  let total = 0;
  const expected = new Float64Array(15);
  for (let i = 0; i < 7; i++) {
    for (let j = 0; j < 3; j++) {
      let z = 0;
      for (let k = 0; k < 5; k++) z += x[i * 5 + k] * w[k * 3 + j];
      total += gelu(z) ** 2;
      for (let k = 0; k < 5; k++) expected[k * 3 + j] += 2 * gelu(z) * slope(z) * x[i * 5 + k];
    }
  }
  expect(x.some((value) => value !== 0)).toBe(true);
  const errorOf = (got: number, want: number) => Math.abs(got - want) / (1 + Math.abs(want));
  const worst = [errorOf(loss, total), ...grad.map((value, i) => errorOf(value, expected[i]))];
  expect(grad.length).toBe(15);
  for (const error of worst) expect(error).toBeLessThanOrEqual(1e-5);
}

it("has an engine of at most 63.5 KB gzipped", () => {
  const gzipped = (file: string) =>
    gzipSync(readFileSync(at(`node_modules/melgrad/dist/${file}`)), { level: 9 }).length;
  const [engine, all] = [gzipped("engine.js"), gzipped("melgrad.js")];
  console.log(`gzipped: engine.js ${engine}, melgrad.js ${all} bytes`);
  expect(engine).toBeLessThanOrEqual(63_500);
  expect(engine).toBeGreaterThan(30_000);
  expect(all).toBeGreaterThan(engine);
});

it("has every shader in the engine that its sources name", () => {
  const folders = ["gpu", "tensor", "ops", "nn"];
  const sources = folders.flatMap((folder) =>
    readdirSync(`src/${folder}`)
      .filter((name) => name.endsWith(".ts"))
      .map((name) => readFileSync(`src/${folder}/${name}`, "utf8")),
  );
  const text = sources.join("\n");
  const library = shaderFiles().map((path) => relative(resolve("shaders"), path).replace(/\.wgsl$/, ""));
  const engine = readFileSync(at("node_modules/melgrad/dist/engine.js"), "utf8");
  const named = library.filter((name) => text.includes(`"${name}"`));
  expect(named.length).toBeGreaterThan(20);
  // It looks at no indices (src/engine-page.ts).
  expect(named.filter((name) => !engine.includes(`"${name}"`))).toEqual(["check/indices"]);
});

it("delivers what its exports name, and no sources or tests", async () => {
  const manifest = JSON.parse(await readFile(at("node_modules/melgrad/package.json"), "utf8"));
  const named = JSON.stringify(manifest.exports).match(/\.\/dist\/[\w/.-]+\.(?:js|ts)/g) ?? [];
  expect(named.length).toBeGreaterThanOrEqual(6);
  for (const path of [...named, manifest.types, manifest.bin.melgrad, "LICENSE", "README.md"]) {
    expect(statSync(at(`node_modules/melgrad/${path}`)).size, path).toBeGreaterThan(0);
  }
  expect(project.files.filter((path) => /^(src|test|web|bench|scripts)\//.test(path))).toEqual([]);
  expect(project.files.filter((path) => path.startsWith("examples/")).length).toBeGreaterThanOrEqual(4);
  const models = readdirSync("models", { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
  expect(models.length).toBeGreaterThan(0);
  expect(project.files.filter((path) => path.startsWith("models/")).sort()).toEqual(models.sort());
});

it.each(["melgrad", "engine"])("runs in a plain page, imported as ./%s.js", async (edition) => {
  await expectRight({
    html: `<!doctype html><meta charset=utf-8><script type="module">${work(`./${edition}.js`)}${show}</script>`,
    files: { [`/${edition}.js`]: { file: at(`node_modules/melgrad/dist/${edition}.js`) } },
  });
});

it.each(["melgrad", "engine"])("runs in a web worker, imported as ./%s.js", async (edition) => {
  await expectRight({
    html: `<!doctype html><meta charset=utf-8><script type="module">
      const worker = new Worker("/worker.js", { type: "module" });
      worker.onmessage = ({ data }) => { globalThis.result = data; document.title = "done"; };
      worker.onerror = (event) => console.error(event.message);
    </script>`,
    files: {
      "/worker.js": `${work(`./${edition}.js`)} if (typeof document !== "undefined") throw new Error("no worker");
        postMessage(await work());`,
      [`/${edition}.js`]: { file: at(`node_modules/melgrad/dist/${edition}.js`) },
    },
  });
});

it.each(["melgrad", "melgrad/engine"])("runs in an esbuild project, imported as %s", async (name) => {
  await writeFile(at("main.js"), work(name) + show);
  await build({
    entryPoints: [at("main.js")],
    outfile: at("out/main.js"),
    bundle: true,
    format: "esm",
    minify: true,
    logLevel: "error",
  });
  await expectRight({
    html: `<!doctype html><meta charset=utf-8><script type="module" src="/main.js"></script>`,
    files: { "/main.js": { file: at("out/main.js") } },
  });
});

it("runs in a Vite project, in the page's worker too", async () => {
  const vite = await import("vite");
  await mkdir(at("vite"), { recursive: true });
  await writeFile(
    at("vite/index.html"),
    `<!doctype html><meta charset=utf-8><link rel="icon" href="data:,"><script type="module" src="/main.js"></script>`,
  );
  await writeFile(at("vite/worker.js"), `${work("melgrad/engine")} work().then(postMessage);`);
  await writeFile(
    at("vite/main.js"),
    `${work("melgrad")}
    const worker = new Worker(new URL("./worker.js", import.meta.url), { type: "module" });
    worker.onmessage = ({ data }) => {
      if (Number.isFinite(data.loss)) work().then((result) => { globalThis.result = result; document.title = "done"; });
    };`,
  );
  await vite.build({
    root: at("vite"),
    configFile: false,
    logLevel: "error",
    worker: { format: "es" },
    build: { outDir: at("vite-out"), target: "es2022" },
  });
  await expectRight({ path: "/index.html", root: at("vite-out") });
});

it.each([
  { module: "ESNext", moduleResolution: "bundler" },
  { module: "NodeNext", moduleResolution: "nodenext" },
])("has types that compile with moduleResolution $moduleResolution", async (resolution) => {
  await writeFile(at("package.json"), JSON.stringify({ name: "consumer", type: "module" }));
  await writeFile(
    at("types.ts"),
    `import { type Gpu, LogMel, open, Patchifier, preset, type Tensor, Trainer } from "melgrad";
    import * as engine from "melgrad/engine";
    import { loadModel, open as openNode } from "melgrad/node";
    export async function main(): Promise<number[]> {
      const gpu: Gpu = await open({ adapter: "auto" });
      const x: Tensor = gpu.randn([2, 3]).matmul(gpu.ones([3, 2])).gelu();
      const device: GPUDevice = gpu.device.gpu;
      const other = await engine.open();
      const step = engine.capture(other, ({ a }) => a.add(1), { label: "step" });
      const sum: number = await step({ a: other.ones([2]) }).sum().item();
      const { model } = preset("demo");
      console.log(device.limits, LogMel, Patchifier, Trainer, model.width, openNode, loadModel);
      return [sum, ...(await x.data())];
    }
    // @ts-expect-error a shape is a list of numbers
    export const wrong = async () => (await open()).ones("3");
    // @ts-expect-error the engine alone has no audio
    export const none = engine.LogMel;`,
  );
  await writeFile(
    at("tsconfig.json"),
    JSON.stringify({
      compilerOptions: {
        ...resolution,
        target: "ES2022",
        lib: ["ES2023", "DOM"],
        types: [],
        strict: true,
        noEmit: true,
        skipLibCheck: false,
      },
      files: ["types.ts"],
    }),
  );
  const tsc = resolve("node_modules/typescript/bin/tsc");
  const { stdout } = await run(process.execPath, [tsc, "-p", at("tsconfig.json")]).catch(
    (error: { stdout: string }) => error,
  );
  expect(stdout).toBe("");
});
