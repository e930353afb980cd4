// Kernels as other adapters would run them: on a device without subgroups (teams are workgroups), and split for a real GPU,
// which is a matter of choice alone. Also the choice itself.
import { describe, expect, it } from "vitest";
import type { Capabilities } from "../../src/gpu/capabilities.js";
import { splitRun } from "../../src/ops/reduction.js";
import { planTeams } from "../../src/ops/row-teams.js";
import { sizeOf } from "../../src/tensor/shape.js";
import { type Less, useLess } from "../support/adapters.js";
import { freshSeed } from "../support/gpu.js";
import { checkCase } from "./check.js";
import { cases as chains } from "./fuse.cases.js";
import { cases as gathers } from "./gather.cases.js";
import { cases as losses } from "./losses.cases.js";
import { cases as norms } from "./norm.cases.js";
import { cases as reductions } from "./reduce.cases.js";
import { cases as scans } from "./scan.cases.js";
import { cases as softmaxes } from "./softmax.cases.js";
import { cases as views } from "./view.cases.js";

const seed = freshSeed("row teams");
const upTo = (limit: number) =>
  [...reductions, ...softmaxes, ...norms, ...losses, ...scans, ...chains, ...gathers, ...views].filter(
    ({ inputs }) => inputs.every(({ shape }) => sizeOf(shape) <= limit),
  );
const variants: [name: string, less: Less][] = [
  ["without subgroups", { without: ["subgroups"] }],
  ["a GPU", { options: { software: false } }],
  ["a GPU without subgroups", { without: ["subgroups"], options: { software: false } }],
];

describe.each(variants)("%s", (_, less) => {
  const gpu = useLess(less);
  it.each(["sum", "mean", "max", "min", "var", "logsumexp", "norm"])("reduces: %s", (op) => run(op));
  it.each(["softmax", "log_softmax", "layer_norm", "normalize", "cosine_rows"])("normalises: %s", (op) =>
    run(op),
  );
  it.each(["cross_entropy", "mse", "infonce"])("measures: %s", (op) => run(op));
  it.each(["topk", "fused", "scatter_add", "permute"])("ranks and moves: %s", (op) => run(op));

  async function run(op: string): Promise<void> {
    for (const [i, row] of upTo(9000).entries()) {
      if (row.op === op) expect([row.label, ...(await checkCase(gpu(), row, seed + i))]).toEqual([row.label]);
    }
  }
});

describe("the plan", () => {
  const capabilities = { subgroups: true, software: false, subgroupMinSize: 8, subgroupMaxSize: 32 };

  it("has a team for every row whatever the subgroup's size", () => {
    for (const rows of [1, 3, 65, 70_001, 5_000_000]) {
      for (const length of [1, 3, 16, 63, 64, 4096, 40_000]) {
        for (const changes of [{}, { software: true }, { subgroups: false }]) {
          const plan = planTeams({ ...capabilities, ...changes } as Capabilities, rows, length);
          const [x, y = 1] = plan.groups;
          const group = Number.parseInt(plan.defines.GROUP, 10);
          const teams = [group, group / 32, 1][plan.defines.TEAM];
          expect(x * y * teams * Number.parseInt(plan.defines.ROWS, 10)).toBeGreaterThanOrEqual(rows);
          expect(Math.max(x, y)).toBeLessThanOrEqual(65_535);
        }
      }
    }
  });

  it("cuts runs that cover the whole length, none of them empty", () => {
    for (const length of [1, 2, 31, 32, 33, 100, 1000, 65_537, 1 << 22]) {
      for (const wanted of [0.01, 1, 3, 128, 2048]) {
        const { splits, chunk } = splitRun(length, wanted, 32, 2048);
        expect(chunk * splits).toBeGreaterThanOrEqual(length);
        expect(chunk * (splits - 1)).toBeLessThan(length);
      }
    }
  });
});
