// The suite of graphs: random graphs of every operation, forward and gradient, eager and captured, against float64 (graph-check.ts).
// A graph that fails is made smaller by fast-check and kept as JSON.
import fc from "fast-check";
import type { Gpu } from "../../src/tensor/gpu.js";
import { buildGraph, type Drawn, type Graph } from "./graph.js";
import { checkGraphs } from "./graph-check.js";
import { graphOps } from "./graph-ops.js";
import type { RunOptions, Suite, Tally } from "./suite.js";

/** Graphs that one seed of fast-check gives, and that wait for one readback. */
const chunk = 40;
/** Steps by which a failing graph is made smaller. */
const shrinkSteps = 300;
/** Failing graphs of one run that are made smaller. */
const mostShrunk = 5;

const drawn: fc.Arbitrary<Drawn[]> = fc.array(
  fc.record({
    op: fc.nat(999),
    numbers: fc.array(fc.nat(2 ** 20), { minLength: 12, maxLength: 12, size: "max" }),
  }),
  { minLength: 1, maxLength: 9, size: "max" },
);

/** By what a graph is counted: its last operation. */
function targetOf(graph: Graph): string {
  const last = graph[graph.length - 1];
  return last && "op" in last ? last.op : "none";
}

/** Random graphs of operations whose names contain `filter`, with what they were made from. The same seed gives the same. */
export function sampleGraphs(seed: number, filter = ""): { steps: Drawn[]; graph: Graph; names: string[] }[] {
  const names = Object.keys(graphOps).filter((name) => name.includes(filter));
  return fc
    .sample(drawn, { seed, numRuns: chunk })
    .map((steps) => ({ steps, graph: buildGraph(steps, names), names }))
    .filter(({ graph }) => graph.length > 0);
}

const bytesOf = (graph: Graph) => new TextEncoder().encode(JSON.stringify(graph));

/** A smaller graph that fails as well, and how. */
async function shrunk(
  gpu: Gpu,
  steps: Drawn[],
  names: readonly string[],
): Promise<[Graph, string] | undefined> {
  let tried = 0;
  const property = fc.asyncProperty(drawn, async (each) => {
    if (tried++ > shrinkSteps) return;
    const graph = buildGraph(each, names);
    if (graph.length === 0) return;
    const [problem] = await checkGraphs(gpu, [graph]);
    if (problem !== undefined) throw new Error(problem);
  });
  const outcome = await fc.check(property, {
    examples: [[steps]],
    numRuns: 1,
    interruptAfterTimeLimit: 60_000,
  });
  if (!outcome.failed || outcome.counterexample === null) return undefined;
  const { errorInstance } = outcome;
  const message = errorInstance instanceof Error ? errorInstance.message : String(errorInstance);
  return [buildGraph(outcome.counterexample[0], names), message];
}

export function graphSuite(openGpu: () => Promise<Gpu>): Suite {
  return {
    name: "graphs",
    unit: "graphs",
    async run({ seed, count, milliseconds, filter = "", begin, fail }: RunOptions): Promise<Tally> {
      const tally: Tally = new Map();
      const deadline = performance.now() + milliseconds;
      const gpu = await openGpu();
      let done = 0;
      let failures = 0;
      try {
        for (let number = 0; done < count && performance.now() < deadline; number++) {
          const cases = sampleGraphs((seed + number) | 0, filter).slice(0, count - done);
          for (const { graph } of cases) {
            const target = targetOf(graph);
            begin(target, bytesOf(graph));
            done++;
            tally.set(target, (tally.get(target) ?? 0) + 1);
          }
          const problems = await checkGraphs(
            gpu,
            cases.map(({ graph }) => graph),
          );
          gpu.device.pool.trim();
          for (const [i, problem] of problems.entries()) {
            if (problem === undefined) continue;
            // Those that fail alike would fill the time with being made smaller.
            const found =
              failures++ < mostShrunk ? await shrunk(gpu, cases[i].steps, cases[i].names) : undefined;
            const [graph, message] = found ?? [cases[i].graph, problem];
            fail({ target: targetOf(graph), message, bytes: bytesOf(graph) });
          }
        }
      } finally {
        gpu.close();
      }
      return tally;
    },
  };
}
