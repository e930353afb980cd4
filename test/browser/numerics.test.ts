// The numbers in a real browser: the op table's core, forward and gradient, against float64, and reference cases of operations,
// spectrograms and the model, by the very runners that Node's tests use.
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { bundleShaders } from "../../scripts/shaders.mjs";
import { referenceFolder } from "../golden/default-set.js";
import { GoldenSet, type Values } from "../golden/set.js";
import { freshSeed } from "../support/gpu.js";
import type * as InPage from "./in-page.js";
import { closeBrowser, type OpenedPage, openPage } from "./launch.js";

/** What the page sees. */
declare const inPage: typeof InPage;

const root = fileURLToPath(new URL("../..", import.meta.url));
const own = `${root}test/golden/set`;
const found = referenceFolder(root);
const sets = new Map([...new Set([found, own])].map((folder) => [folder, new GoldenSet(folder)]));
let opened: OpenedPage;

beforeAll(async () => {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL("in-page.ts", import.meta.url))],
    bundle: true,
    write: false,
    platform: "browser",
    format: "esm",
    target: "es2022",
    // The shaders as a browser edition has them; vitest's `expect` stays out of the page.
    plugins: [bundleShaders({ minify: true, without: ["bench/"] })],
    alias: { vitest: fileURLToPath(new URL("no-vitest.ts", import.meta.url)) },
    logLevel: "error",
  });
  const cases = [...sets.values()].flatMap((set, which) =>
    set.cases.map(({ op }, i): [string, string] => [
      `/cases/${which}-${i}.json`,
      wanted(set, op) ? JSON.stringify(set.load(i), packed) : "",
    ]),
  );
  opened = await openPage({
    html: `<!doctype html><meta charset=utf-8><script type="module">
      import * as inPage from "/in-page.js";
      globalThis.inPage = inPage;
      document.title = "ready";
    </script>`,
    files: { "/in-page.js": outputFiles[0].text, ...Object.fromEntries(cases) },
  });
  await opened.page.waitForFunction(() => document.title === "ready");
});

afterAll(async () => {
  await opened?.close();
  await closeBrowser();
});

/** Of a large set only what the own one lacks: spectrograms and the model. */
const wanted = (set: GoldenSet, op: string) =>
  set === sets.get(own) || /^(stft|mel|kaldi|resample|patchif)/.test(op);

/** For JSON, which has no NaN: a tensor's numbers as bytes in base64. */
function packed(_: string, value: unknown): unknown {
  if (typeof value !== "object" || value === null || !("data" in value) || !("shape" in value)) return value;
  const { data, ...rest } = value as Values;
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString("base64");
  return { ...rest, integers: data instanceof Int32Array, bytes };
}

describe("the op table's core", () => {
  it("agrees with float64 in every family, forward and gradient", async () => {
    const seed = freshSeed("the core in a browser");
    const results = await opened.page.evaluate((start) => inPage.runCore(start, 1), seed);
    const wrong = results.filter(({ problems }) => problems.length > 0);
    expect(wrong).toEqual([]);
    const gradients = results.filter(({ gradient }) => gradient).length;
    console.log(`${results.length} rows, ${gradients} of them with gradients`);
    expect(results.length).toBeGreaterThanOrEqual(60);
    expect(gradients).toBeGreaterThanOrEqual(40);
    const families = await opened.page.evaluate(() => Object.keys(inPage.families));
    expect(new Set(results.map(({ family }) => family))).toEqual(new Set(families));
  });
});

describe.each([...sets])("the reference set in %s", (folder, set) => {
  it("is met", async () => {
    const which = [...sets.keys()].indexOf(folder);
    const indices = set.cases.flatMap(({ op }, i) => (wanted(set, op) ? [i] : []));
    const outcomes = [];
    for (const i of indices) {
      outcomes.push(await opened.page.evaluate((url) => inPage.runGolden(url), `/cases/${which}-${i}.json`));
    }
    expect(outcomes.filter(({ problems }) => problems.length > 0)).toEqual([]);
    const worst = outcomes.reduce((a, b) => (b.worst > a.worst ? b : a));
    console.log(
      `${outcomes.length} cases; the largest error ${worst.worst.toPrecision(2)} of its tolerance (${worst.id})`,
    );
    expect(outcomes.length).toBeGreaterThan(30);
  });
});

it("leaves no error in the page", () => {
  expect(opened.errors).toEqual([]);
});
