// A slice of the fuzzing of graphs, the graphs that once failed, and that the fuzzing finds what is wrong.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { open } from "../../src/node.js";
import { registry } from "../../src/ops/define.js";
import { openLess } from "../support/adapters.js";
import { freshSeed, useGpu } from "../support/gpu.js";
import type { Graph } from "./graph.js";
import { checkGraphs } from "./graph-check.js";
import { graphOps } from "./graph-ops.js";
import { graphSuite, sampleGraphs } from "./graphs.js";
import type { Failure } from "./suite.js";

const folder = fileURLToPath(new URL("../fixtures/graphs/", import.meta.url));
const gpu = useGpu();

describe("graphs of operations", () => {
  it("are made of every operation", () => {
    expect([...registry.keys()].filter((op) => !(op in graphOps))).toEqual([]);
  });

  it.each(readdirSync(folder))("%s, which once failed", async (name) => {
    const graph = JSON.parse(readFileSync(join(folder, name), "utf8")) as Graph;
    expect(await checkGraphs(gpu(), [graph])).toEqual([undefined]);
  });

  it("give what they are in float64, forward and gradient, eager and captured", async () => {
    const failures: Failure[] = [];
    const tally = await graphSuite(() => open()).run({
      seed: freshSeed("graphs"),
      count: 80,
      milliseconds: 40_000,
      begin() {},
      fail: (failure) => failures.push(failure),
    });
    expect(failures.map(({ message, bytes }) => `${message}: ${new TextDecoder().decode(bytes)}`)).toEqual(
      [],
    );
    expect([...tally.values()].reduce((sum, each) => sum + each, 0)).toBeGreaterThan(20);
  });

  it.each([
    ["softmax", "softmax/rows|", /output/],
    ["mean", "reduce/", /output|gradient/],
    ["layer_norm", "norm/layer_norm_backward|", /gradient/],
  ])("are found wrong where a kernel of %s is a hundredth off", async (op, key, message) => {
    const worse = (code: string, own: string) =>
      own.startsWith(key) ? code.replace(/(target_\[[^\]]+\]) = ([^;]+);/g, "$1 = ($2) * 1.01;") : code;
    const wrong = await openLess({ options: { rewrite: worse } });
    const graphs = sampleGraphs(freshSeed(op), op).map(({ graph }) => graph);
    const problems = await checkGraphs(wrong, graphs.slice(0, 12));
    wrong.close();
    expect(problems.join()).toMatch(message);
  });
});
