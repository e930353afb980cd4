// The last resort for a kernel that an adapter's compiler gets wrong: the same text, as a workgroup of one invocation that does the
// work of all, one after the other. Nothing runs side by side in it, so that compilers make quite another program of it; bindings,
// parameters and grid stay. Slow, and only for kernels whose invocations do not talk to each other. Pure text.
import type { ExpandedShader } from "./preprocess.js";

const entry = /@compute\s*@workgroup_size\(\s*(\d+)u?\s*\)\s*fn\s+main\(([^{]*)\)\s*\{/;
const builtin = /@builtin\((\w+)\)\s*(\w+)\s*:\s*([\w<>]+)/g;

/** What each builtin is for invocation `lane` of workgroup `group`. */
const values: Readonly<Record<string, (size: string) => string>> = {
  workgroup_id: () => "serial_group",
  num_workgroups: () => "serial_groups",
  local_invocation_index: () => "serial_lane",
  local_invocation_id: () => "vec3(serial_lane, 0u, 0u)",
  global_invocation_id: (size) => `vec3(serial_group.x * ${size}u + serial_lane, serial_group.yz)`,
};

/** The serial build of a shader; undefined where its invocations share memory or values. */
export function serialBuild(shader: ExpandedShader): ExpandedShader | undefined {
  const found = entry.exec(shader.code);
  if (!found || /\bsubgroup|var<workgroup>|workgroupBarrier/.test(shader.code)) return undefined;
  const [head, size, list] = found;
  const record = /^\s*\w+\s*:\s*(\w+)\s*$/.exec(list)?.[1];
  const fields = record ? new RegExp(`struct\\s+${record}\\s*\\{([^}]*)\\}`).exec(shader.code)?.[1] : list;
  const given = [...(fields ?? "").matchAll(builtin)].map(([, name]) => values[name]?.(size) ?? "");
  if (given.length === 0 || given.includes("")) return undefined;
  const call = record ? `${record}(${given.join(", ")})` : given.join(", ");
  // As many lines as before, so that errors keep their places.
  const blanks = "\n".repeat(head.split("\n").length - list.split("\n").length);
  const body = `${blanks}fn one_of_all(${list.replace(/@builtin\(\w+\)\s*/g, "")}) {`;
  const main =
    "@compute @workgroup_size(1) fn main(@builtin(workgroup_id) serial_group: vec3<u32>, " +
    `@builtin(num_workgroups) serial_groups: vec3<u32>) { for (var serial_lane = 0u; serial_lane < ${size}u; ` +
    `serial_lane++) { one_of_all(${call}); } }`;
  const code = `${shader.code.replace(entry, () => body)}\n${main}`;
  return { ...shader, code, origin: [...shader.origin, { file: shader.name, line: 0 }] };
}
