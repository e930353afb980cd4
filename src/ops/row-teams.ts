// How the kernels that work row by row (softmax, layer norm, losses, reductions of the last axis) are launched: which team
// of invocations takes a row (shaders/lib/team), and how many workgroups that makes. Pure apart from reading capabilities.
import { type Capabilities, exactLanes } from "../gpu/capabilities.js";
import type { Groups } from "../gpu/commands.js";
import type { Kernel } from "../gpu/pipelines.js";
import type { Defines } from "../gpu/preprocess.js";
import type { Tensor } from "../tensor/tensor.js";
import { teamKernel } from "./alternatives.js";
import { foldGroups } from "./launch.js";

/** Kinds of team, as shaders/lib/team numbers them. */
const ALONE = 0;
const SUBGROUP = 1;
const WORKGROUP = 2;

interface RowPlan {
  /** ROWS: rows of a team, one after the other. TOGETHER: how many of them a kernel that shares loads may take at once. */
  defines: { TEAM: number; GROUP: string; VEC: number; ROWS: string; LANES: number; TOGETHER: number };
  /** Items (vec4 or f32) in a row. */
  items: number;
  groups: Groups;
}

/** The size of every subgroup of a software adapter, or 0: kernels with LANES share values by lane numbers known in advance. */
export function lanesOf(capabilities: Capabilities): number {
  return (capabilities.software && exactLanes(capabilities)) || 0;
}

/** What a plan is made with instead of the rule's team, where that computes wrongly. */
type Team = number | undefined;

/** Plans a kernel over `rows` rows of `length` elements. */
export function planRows(
  x: Tensor,
  [rows, length]: readonly [rows: number, length: number],
  shader: string,
  rest: Defines,
): RowPlan & { kernel: Kernel } {
  const { device } = x.gpu;
  const { capabilities } = device;
  return teamKernel(device, shader, rest, (team) => planTeams(capabilities, rows, length, undefined, team));
}

/** `vec` false forces f32 items, for rows that do not start at a multiple of 4. */
export function planTeams(
  capabilities: Capabilities,
  rows: number,
  length: number,
  vec = length % 4 === 0,
  team?: Team,
): RowPlan {
  const items = vec ? length / 4 : length;
  const { subgroups, software, subgroupMaxSize } = capabilities;
  const lanes = lanesOf(capabilities);
  const plan = (kind: number, group: number, teams: number, each: number): RowPlan => ({
    defines: {
      TEAM: kind,
      GROUP: `${group}u`,
      VEC: Number(vec),
      ROWS: `${each}u`,
      LANES: lanes,
      TOGETHER: software && each > 1 ? 2 : 1,
    },
    items,
    groups: foldGroups(Math.ceil(Math.ceil(rows / each) / teams)),
  });
  if (team === ALONE || (team === undefined && (items <= 4 || (items <= 16 && !subgroups))))
    return plan(ALONE, 64, 64, 1);
  const long = !software && items >= 1024 && rows < 2048;
  if (subgroups && !long && team === undefined) {
    const group = Math.max(64, subgroupMaxSize);
    // A software adapter pays as much for the launch of a subgroup as for four loads: short rows share one.
    const each = !software || items > 170 ? 1 : items > 85 ? 2 : 4;
    return plan(SUBGROUP, group, group / subgroupMaxSize, each);
  }
  return plan(WORKGROUP, items >= 256 && !software ? 256 : 64, 1, 1);
}

/** Plans a kernel whose every team takes one long run of items: few teams, whatever the shape. */
export function planRuns(
  capabilities: Capabilities,
  runs: number,
  vec: boolean,
  team?: Team,
): Pick<RowPlan, "defines" | "groups"> {
  const { subgroups, software, subgroupMaxSize } = capabilities;
  const kind = team ?? (!subgroups || (!software && runs === 1) ? WORKGROUP : SUBGROUP);
  const wide = software || kind === ALONE ? 64 : 256;
  const group = kind !== SUBGROUP ? wide : runs === 1 ? subgroupMaxSize : Math.max(64, subgroupMaxSize);
  const defines = {
    ...{ TEAM: kind, GROUP: `${group}u`, VEC: Number(vec), ROWS: "1u" },
    ...{ LANES: lanesOf(capabilities), TOGETHER: 1 },
  };
  const teams = kind === ALONE ? group : kind === WORKGROUP ? 1 : group / subgroupMaxSize;
  return { defines, groups: foldGroups(Math.ceil(runs / teams)) };
}
