// Invocations in another order, for tests: rewrites an expanded shader that uses workgroup memory so that its local indices run
// backwards. What is right does not change but for the order of sums; a kernel that lacks a barrier and lives on the
// order in which an adapter happens to run a workgroup's invocations gives something else. Subgroup kernels stay as they are,
// because their lanes are bound to the adapter's own numbers.
import { ShaderError } from "../../src/gpu/errors.js";

/** Every local index i becomes i ^ (workgroup size - 1). */
export function permuteInvocations(code: string, key: string): string {
  if (!code.includes("var<workgroup>") || code.includes("enable subgroups;")) return code;
  const entry = /@workgroup_size\(([^),]*)\)\s*fn main\(([^{]*)\)\s*\{/.exec(code);
  const local = /@builtin\(local_invocation_index\)\s*(\w+)\s*:/.exec(code)?.[1];
  if (!entry || local === undefined) {
    throw new ShaderError(`${key} cannot be permuted: its entry point is written otherwise.`);
  }
  const [whole, size, parameters] = entry;
  const mask = `(u32(${size}) - 1u)`;
  const place = /^\s*(\w+)\s*:\s*\w+\s*$/.exec(parameters)?.[1];
  const changed =
    place === undefined
      ? whole.replace(new RegExp(`\\b${local}(\\s*:)`), `${local}_given$1`) +
        ` let ${local} = ${local}_given ^ ${mask};`
      : whole.replace(new RegExp(`\\b${place}(\\s*:)`), `${place}_given$1`) +
        ` var ${place} = ${place}_given; ${place}.${local} ^= ${mask};`;
  return code.replace(whole, () => changed);
}
