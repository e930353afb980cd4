// Result files and the tables of docs/benchmarks.md: the page must be what the generator makes of the files that are there.
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { begin, benchText, end, readResults, withBench } from "../../scripts/bench-readme.mjs";
import { othersBetween } from "../../src/bench/load.js";
import {
  type BenchReport,
  mergeReports,
  readReport,
  reportText,
  resultName,
  type SuiteResult,
} from "../../src/bench/results.js";
import type { Row } from "../../src/bench/suites.js";

const ceilings = {
  gflops: 100,
  copyGBs: 10,
  copies: [{ MiB: 64, GBs: 10 }],
  dispatchUs: 5,
  submitUs: 50,
  readbackUs: 60,
};

function row(part: Partial<Row>): Row {
  const nothing = { dispatches: 1, submits: 1, buffers: 0, bindGroups: 0 };
  const times = {
    ms: 2,
    minMs: 2,
    eachMs: 2,
    minEachMs: 2,
    firstMs: 9,
    jsMs: 0.1,
    minJsMs: 0.1,
    othersCores: 0,
  };
  return { name: "x", shape: "1", ...times, together: 1, runs: 11, counts: nothing, share: 0.5, bestShare: 0.5, bound: "compute", ...part }; // biome-ignore format: one line
}

function suite(part: Partial<SuiteResult>): SuiteResult {
  const date = "2030-01-02T03:04:05.000Z";
  return {
    date,
    melgrad: "1.2.3",
    complete: true,
    ceilings,
    othersCores: { before: 0, during: 0.1 },
    ...part,
  };
}

function report(suites: BenchReport["suites"], part: Partial<BenchReport> = {}): BenchReport {
  return {
    adapter: { name: "Some GPU (driver 1)", kind: "hardware", software: false, unchecked: false },
    machine: { cpu: "A processor", cores: 8, platform: "linux x64" },
    versions: { melgrad: "1.2.3", webgpu: "0.6.2", node: "v20.1.0" },
    date: "2030-01-02T03:04:05.000Z",
    ceilings,
    suites,
    ...part,
  };
}

describe("docs/benchmarks.md", () => {
  it("has the tables that bench/results gives", () => {
    const page = readFileSync("docs/benchmarks.md", "utf8");
    expect(page, "run npm run bench:readme").toBe(withBench(page, benchText(readResults("bench/results"))));
  });
});

describe("the tables", () => {
  const product = row({ name: "matmul", shape: "512×512×512", eachMs: 5.368, gflops: 50, gbs: 0.6 });
  const add = row({ name: "add", shape: "4194304", gbs: 25.17, share: 0.8, bound: "memory" });
  const growth = [
    { axis: "batch" as const, value: 1, ms: 10, minMs: 9, cpuMs: 9, runs: 3, gflop: 1, gflops: 100, full: false },
    { axis: "batch" as const, value: 2, ms: 21, minMs: 9, cpuMs: 9, runs: 3, gflop: 2, gflops: 95, full: true, within: true },
  ]; // biome-ignore format: one line each

  it("stand between the markers, whatever stood there", () => {
    const readme = `# a\n${begin}\nold\n${end}\nrest\n`;
    expect(withBench(readme, "new")).toBe(`# a\n${begin}\nnew\n${end}\nrest\n`);
    expect(withBench(withBench(readme, "x"), "new")).toBe(withBench(readme, "new"));
    expect(() => withBench("# a", "new")).toThrow(/needs the lines/);
  });

  it("hold times, speeds, shares and what they were measured on", () => {
    const one = {
      name: "some-gpu",
      ...report({ kernels: suite({ rows: [add, product] }), growth: suite({ growth }) }),
    };
    const two = { name: "other", ...report({ kernels: suite({ rows: [product], complete: false }) }) };
    const lines = benchText([one, two]).split("\n");
    expect(lines).toContain(
      "| `matmul` 512×512×512 | 5.37 | 50.0 GFLOP/s | 50 % compute | 5.37 | 50.0 GFLOP/s | 50 % compute |",
    );
    expect(lines).toContain("| `add` 4194304 | 2.00 | 25.2 GB/s | 80 % memory |  |  |  |");
    expect(lines.indexOf(lines.find((line) => line.includes("matmul")) ?? "")).toBe(2); // before add, as the page has them
    const about = lines.filter((line) => line.startsWith("- **"));
    expect(about[0]).toMatch(
      /some-gpu.*Some GPU \(driver 1\); A processor, 8 cores; 2030-01-02, melgrad 1.2.3, webgpu 0.6.2, Node 20.1.0/,
    );
    expect(about[1]).toMatch(/Note: incomplete: kernels/);
    expect(about[2]).toMatch(/batch 1 to 2: time × 2.10, FLOPs × 2.00, 1 of 1/);
  });

  it("hold other libraries' times and PyTorch's", () => {
    const peers = {
      date: "2030-01-02",
      versions: { melgrad: "1.2.3", tfjs: "4.22.0" },
      rows: [{ name: "sum_4M", ratio: 2.5, entries: [{ name: "melgrad", ms: 4 }, { name: "tfjs", ms: 10 }] }],
    }; // biome-ignore format: one line
    const torch = {
      date: "2030-01-02",
      device: "Some GPU",
      versions: { torch: "2.9" },
      rows: [{ case: "matmul 4096", precision: "tf32", mode: "eager", ms: 1, tflops: 137.4 }],
    };
    const lines = benchText([{ name: "some-gpu", ...report({}, { peers, torch }) }]).split("\n");
    expect(lines).toContain("| `sum_4M` | 4.00 | 10.0 | 2.50 × |");
    expect(lines).toContain("| matmul 4096 | tf32 | eager | 1.00 | 137400 |");
  });

  it("say so where there is nothing", () => {
    expect(benchText([])).toMatch(/No results/);
    expect(readResults("no such folder")).toEqual([]);
  });
});

describe("a report", () => {
  it("is named after its adapter", () => {
    expect(resultName("llvmpipe-llvm-15-0-6-256-bits (llvmpipe: Mesa 25.0.7)")).toBe("lavapipe");
    expect(resultName("swiftshader-device-subzero (SwiftShader driver 5.0.0)")).toBe("swiftshader");
    expect(resultName("NVIDIA H100 80GB HBM3 (NVIDIA: 570.1)")).toBe("nvidia-h100-80gb-hbm3");
    expect(resultName("()")).toBe("adapter");
  });

  it("keeps the suites that were not run again, on the same adapter", () => {
    const old = report(
      { kernels: suite({ rows: [] }), mel: suite({ complete: false }) },
      { peers: 1, torch: 2 },
    );
    const now = report({ mel: suite({}) }, { peers: 3 });
    const merged = mergeReports(old, now);
    expect(merged.suites).toEqual({ kernels: old.suites.kernels, mel: now.suites.mel });
    expect(merged).toMatchObject({ peers: 3, torch: 2 });
    expect(mergeReports(undefined, now)).toBe(now);
    const other = report({}, { adapter: { ...now.adapter, name: "another" } });
    expect(mergeReports(old, other)).toBe(other);
  });

  it("has numbers of four digits", () => {
    expect(JSON.parse(reportText({ a: 1.234567, b: [123456, "x"], c: 0.000123456 }))).toEqual({
      a: 1.235,
      b: [123456, "x"],
      c: 0.0001235,
    });
  });

  it("that cannot be read is none", async () => {
    expect(await readReport("no such file")).toBeUndefined();
    expect(await readReport("README.md")).toBeUndefined();
    expect(await readReport("package.json")).toBeUndefined();
  });
});

it("counts the cores that others take", () => {
  const start = { at: 0, busy: 1000, own: 100 };
  expect(othersBetween(start, { at: 1000, busy: 2700, own: 600 })).toBeCloseTo(1.2);
  expect(othersBetween(start, { at: 1000, busy: 1100, own: 600 })).toBe(0);
});
