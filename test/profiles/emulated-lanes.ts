// Subgroups of any size on any adapter, for tests: rewrites an expanded shader so that its subgroup operations go through
// workgroup memory, among N invocations with consecutive local indices. Kernels for subgroups of 32 or 64 lanes then really run on
// a machine that has none. It is slow, and it is not what a compiler for such hardware makes of the shader.
//
// Every operation is: put a value down, barrier, read the others', barrier; sums and the like are made by a subgroup's first
// lane, with two barriers more. Subgroups of one workgroup may take different ways (a row past the end returns), so the
// language's analysis of uniformity is switched off, and an invocation that has returned goes on meeting the barriers, two at a
// time, until all of its workgroup have. That is sound where a workgroup's invocations meet barriers
// by count, as software adapters do; a GPU promises nothing of the kind.
import type { DeviceOptions } from "../../src/gpu/device.js";
import { ShaderError } from "../../src/gpu/errors.js";

type Type = "f32" | "vec2<f32>" | "vec4<f32>" | "u32";

const types: readonly Type[] = ["f32", "vec2<f32>", "vec4<f32>", "u32"];

/** Subgroup operations, and what they return of `emulated_memory`; KIND tells whole numbers from floats. */
const operations: Readonly<Record<string, string>> = {
  subgroupBroadcast: "emulated_from(emulated_first() + other)",
  subgroupShuffle: "emulated_from(emulated_first() + other)",
  subgroupShuffleXor: "emulated_from(emulated_local ^ other)",
  subgroupAdd: "emulated_fold(0u, KIND)",
  subgroupMax: "emulated_fold(1u, KIND)",
  subgroupMin: "emulated_fold(2u, KIND)",
};

/** The rewrite for subgroups of `lanes` invocations; shaders without subgroup operations stay as they are. */
export function emulateLanes(lanes: number): NonNullable<DeviceOptions["rewrite"]> {
  return (given, key) => {
    if (!given.includes("enable subgroups;")) return given;
    const header = "enable chromium_disable_uniformity_analysis;";
    let code = given.replace("enable subgroups;", header);
    code = code.replace(/diagnostic\s*\(\s*off\s*,\s*subgroup_uniformity\s*\)\s*;/g, "");
    code = code.replace(/\/\/.*$/gm, "");
    const refuse = (why: string) => new ShaderError(`${key} cannot be emulated: ${why}.`);
    if (/\bworkgroupBarrier\b/.test(code)) throw refuse("it has barriers of its own");
    code = replaceOperations(code, refuse);
    const unknown = /\b(subgroup|quad)[A-Z]\w*/.exec(code)?.[0];
    if (unknown) throw refuse(`there is no emulation of ${unknown}`);
    return replaceBuiltins(code, lanes, refuse);
  };
}

/** `subgroupAdd(x)` becomes `subgroupAdd_f32(x)`, by the type of its first argument. */
function replaceOperations(code: string, refuse: (why: string) => Error): string {
  const pattern = new RegExp(`\\b(${Object.keys(operations).join("|")})\\(`, "g");
  let out = "";
  let from = 0;
  for (const match of code.matchAll(pattern)) {
    const open = match.index + match[0].length;
    const argument = code.slice(open, endOfArgument(code, open));
    const type = typeOf(argument, code.slice(0, match.index), code, 0);
    if (!type) throw refuse(`the type of ${match[0]}${argument}) is not known`);
    out += `${code.slice(from, match.index)}${named(match[1], type)}(`;
    from = open;
  }
  return out + code.slice(from);
}

function named(operation: string, type: Type): string {
  return `emulated_${operation}_${type.replace(/<.*/, "")}`;
}

/** Where the argument that begins at `start` ends. */
function endOfArgument(code: string, start: number): number {
  let depth = 0;
  for (let at = start; at < code.length; at++) {
    const c = code[at];
    if (c === "(" || c === "[") depth++;
    else if ((c === ")" || c === "]") && depth-- === 0) return at;
    else if (c === "," && depth === 0) return at;
  }
  return code.length;
}

/**
 * The type of an expression, as far as it shows in what stands before it: of literals, constructors, elements of
 * storage, functions' results and variables, by the first operand. Where a sum mixes types and the guess is wrong, the
 * shader does not compile, so nothing wrong can pass.
 */
function typeOf(expression: string, before: string, code: string, depth: number): Type | undefined {
  const text = expression.trim().replace(/^[-(]+/, "");
  if (depth > 12) return undefined;
  const deeper = (inner: string, where = before) => typeOf(inner, where, code, depth + 1);
  if (/^(0x[\da-f]+|\d+)u\b/i.test(text)) return "u32";
  if (/^[\d.]/.test(text)) return "f32";
  const [, name, next = ""] = /^(\w+(?:<\w+>)?)\s*([[(.]?)/.exec(text) ?? [];
  if (name === undefined) return undefined;
  const known = types.find((type) => name === type || name === type.replace(/<.*/, ""));
  if (known && next === "(") return known;
  if (next === "(") {
    const result = new RegExp(`fn ${name}\\([^)]*\\)\\s*->\\s*([\\w<>]+)`).exec(code)?.[1];
    if (result !== undefined) return types.find((type) => type === result);
    if (/^emulated_\w+_(f32|vec2|vec4|u32)$/.test(name)) {
      return types.find((type) => type.startsWith(name.replace(/.*_/, "")));
    }
    if (name === "dot") return "f32";
    const open = text.indexOf("(") + 1;
    return deeper(text.slice(open, endOfArgument(text, open))); // select, max, exp2: the type of what they are given
  }
  const storage = new RegExp(`var<storage[^>]*> ${name}\\s*:\\s*array<([\\w<>]+)>`).exec(code)?.[1];
  if (storage !== undefined && next === "[") return types.find((type) => type === storage);
  if (next === "." && /^\w+\.[xyzw]\b/.test(text)) return "f32";
  const parameter = [...before.matchAll(new RegExp(`\\b${name}\\s*:\\s*(f32|u32|vec[24]<f32>)`, "g"))].at(-1);
  const declared = [...before.matchAll(new RegExp(`\\b(?:let|var|const)\\s+${name}\\s*=`, "g"))].at(-1);
  let type: Type | undefined;
  if (declared && declared.index > (parameter?.index ?? -1)) {
    const start = declared.index + declared[0].length;
    type = deeper(before.slice(start).split(";")[0], before.slice(0, declared.index));
  } else {
    type = types.find((each) => each === parameter?.[1]);
  }
  return next === "[" && type !== undefined ? "f32" : type;
}

/** The entry point becomes a function that is told its lane, within one that has no subgroup builtins. */
function replaceBuiltins(code: string, lanes: number, refuse: (why: string) => Error): string {
  const entry = /@compute\s+@workgroup_size\(([^)]*)\)\s*fn main\(([^{]*)\)\s*\{/.exec(code);
  if (!entry) throw refuse("its entry point is written otherwise");
  const [whole, size, parameters] = entry;
  const attribute = (name: string) => new RegExp(`@builtin\\(${name}\\)\\s*(\\w+)\\s*:\\s*u32\\s*,?`);
  const local = attribute("local_invocation_index").exec(code)?.[1];
  if (local === undefined) throw refuse("it has no local_invocation_index");
  const lane = attribute("subgroup_invocation_id").exec(code)?.[1];
  const width = attribute("subgroup_size").exec(code)?.[1];
  const inStruct = !parameters.includes("@builtin");
  const place = /^\s*(\w+)\s*:/.exec(parameters)?.[1];
  const own = inStruct ? `${place}.${local}` : local;
  let [head, body] = [code.slice(0, entry.index), code.slice(entry.index + whole.length)];
  let outer = parameters;
  let inner = parameters.replace(/@builtin\(\w+\)\s*/g, "");
  let given = parameters
    .split(/,(?![^(<]*[)>])/)
    .map((parameter) => /(\w+)\s*:/.exec(parameter)?.[1])
    .filter((name) => name !== undefined);
  if (inStruct) {
    for (const [field, value] of [
      [lane, `(emulated_local % ${lanes}u)`],
      [width, `${lanes}u`],
    ]) {
      if (field === undefined) continue;
      const use = new RegExp(`\\b\\w+\\.${field}\\b`, "g");
      [head, body] = [head.replace(use, value ?? ""), body.replace(use, value ?? "")];
    }
    head = head.replace(attribute("subgroup_invocation_id"), "").replace(attribute("subgroup_size"), "");
  } else {
    outer = outer.replace(attribute("subgroup_invocation_id"), "").replace(attribute("subgroup_size"), "");
    inner = inner.replace(/,\s*$/, "");
    given = given.map((name) =>
      name === lane ? `${local} % ${lanes}u` : name === width ? `${lanes}u` : name,
    );
  }
  return `${head}
${support(size, lanes)}
fn emulated_main(${inner}) {${body}
@compute @workgroup_size(${size})
fn main(${outer}) {
  emulated_local = ${own};
  emulated_main(${given.join(", ")});
  emulated_wait();
}
`;
}

function support(size: string, lanes: number): string {
  const functions = Object.entries(operations).flatMap(([operation, value]) =>
    types.map((type) => {
      const other = /\bother\b/.test(value) ? ", other: u32" : "";
      const [put, back] = {
        f32: ["vec4(bitcast<u32>(x), 0u, 0u, 0u)", "bitcast<f32>(r.x)"],
        "vec2<f32>": ["vec4(bitcast<vec2<u32>>(x), 0u, 0u)", "bitcast<vec2<f32>>(r.xy)"],
        "vec4<f32>": ["bitcast<vec4<u32>>(x)", "bitcast<vec4<f32>>(r)"],
        u32: ["vec4(x, 0u, 0u, 0u)", "r.x"],
      }[type];
      return `fn ${named(operation, type)}(x: ${type}${other}) -> ${type} {
  emulated_memory[emulated_local] = ${put};
  workgroupBarrier();
  let r = ${value.replace("KIND", type === "u32" ? "true" : "false")};
  workgroupBarrier();
  return ${back};
}`;
    }),
  );
  return `const emulated_size = u32(${size});
const emulated_lanes = ${lanes}u;
var<workgroup> emulated_memory: array<vec4<u32>, emulated_size>;
var<workgroup> emulated_returned: atomic<u32>;
var<private> emulated_local: u32;
fn emulated_first() -> u32 { return emulated_local / emulated_lanes * emulated_lanes; }
fn emulated_from(at: u32) -> vec4<u32> { return emulated_memory[min(at, emulated_size - 1u)]; }
fn emulated_two(kind: u32, whole: bool, a: vec4<u32>, b: vec4<u32>) -> vec4<u32> {
  let x = bitcast<vec4<f32>>(a);
  let y = bitcast<vec4<f32>>(b);
  if (kind == 0u) { return select(bitcast<vec4<u32>>(x + y), a + b, whole); }
  if (kind == 1u) { return select(bitcast<vec4<u32>>(max(x, y)), max(a, b), whole); }
  return select(bitcast<vec4<u32>>(min(x, y)), min(a, b), whole);
}
fn emulated_fold(kind: u32, whole: bool) -> vec4<u32> {
  let first = emulated_first();
  if (emulated_local == first) {
    var r = emulated_memory[first];
    for (var i = first + 1u; i < min(first + emulated_lanes, emulated_size); i++) {
      r = emulated_two(kind, whole, r, emulated_memory[i]);
    }
    emulated_memory[first] = r;
  }
  workgroupBarrier();
  let r = emulated_memory[first];
  workgroupBarrier();
  return r;
}
fn emulated_wait() {
  atomicAdd(&emulated_returned, 1u);
  loop {
    workgroupBarrier();
    let all = atomicLoad(&emulated_returned) == emulated_size;
    workgroupBarrier();
    if (all) { break; }
  }
}
${functions.join("\n")}`;
}
