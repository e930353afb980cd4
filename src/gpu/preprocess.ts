// The shader preprocessor: expands `#include`, `#define`, `#if` / `#elif` / `#else` / `#endif` in a .wgsl file and reads
// from the result what a pipeline needs to know (storage bindings, parameter fields, workgroup size). Pure text; no GPU.
//
// Directives, each on a line of its own:
//   #include "lib/index"          the text of shaders/lib/index.wgsl, once
//   #define NAME value            replaced as a whole word in what follows; a caller's define of that name wins
//   #if EXPRESSION                numbers, names, ! == != < <= > >= && || and brackets; an unknown name is 0
//   #repeat NAME COUNT … #end     the lines between, COUNT times, with NAME replaced by 0, 1, …; a ## before it joins the
//                                 number to the word before: `sum##i` becomes sum0, sum1, …, `x##i##_##j` x0_0, …
//
// Parameters are written as `struct Params { … }` with 4-byte scalar fields and `var<immediate> p: Params;`. Where the
// adapter has no immediates the variable becomes a uniform buffer after the last storage binding.
import { ShaderError } from "./errors.js";

/** Textual constants that a kernel is built with. */
export type Defines = Readonly<Record<string, string | number | boolean>>;

/** A field of `struct Params`, 4 bytes long. */
export interface ParamField {
  name: string;
  type: "u32" | "i32" | "f32";
}

/** A shader that WebGPU takes, with what a pipeline needs to know of it. */
export interface ExpandedShader {
  name: string;
  code: string;
  /** For every line of `code`: the file and line that it came from. */
  origin: { file: string; line: number }[];
  /** Access of each storage binding, by binding number. */
  bindings: ("read" | "read_write")[];
  params: ParamField[];
}

interface Line {
  text: string;
  file: string;
  line: number;
}

interface SourceLine {
  raw: string;
  line: number;
}

/** Expands the shader called `name` out of `library` (name → text). */
export function preprocess(
  library: Readonly<Record<string, string>>,
  name: string,
  given: Defines,
  options: { immediates: boolean },
): ExpandedShader {
  const defines = new Map<string, string>();
  for (const [key, value] of Object.entries(given)) defines.set(key, textOf(value));
  const lines = expandFile(library, name, defines, new Set(Object.keys(given)), new Set());
  const origin = lines.map(({ file, line }) => ({ file, line }));
  let code = lines.map(({ text }) => text).join("\n");

  const bindings = readBindings(name, code);
  const params = readParams(name, code);
  if (params.length > 0 && !options.immediates) {
    code = code.replace(/var<immediate>/, `@group(0) @binding(${bindings.length}) var<uniform>`);
  }
  const directives = directivesFor(code, params.length > 0 && options.immediates);
  if (!directives.includes("enable subgroups;")) code = code.replace(subgroupDiagnostic, "");
  if (directives.length > 0) {
    code = `${directives.join("\n")}\n${code}`;
    origin.unshift(...directives.map(() => ({ file: name, line: 0 })));
  }
  return { name, code, origin, bindings, params };
}

/** Means something only beside `enable subgroups`; a shader says it once for all its variants. */
const subgroupDiagnostic = /\bdiagnostic\s*\(\s*off\s*,\s*subgroup_uniformity\s*\)\s*;/g;

/** What the text uses beyond the language's core, comments aside: an adapter may lack any of it. */
function directivesFor(code: string, immediates: boolean): string[] {
  const text = code.replace(/\/\/.*$/gm, "").replace(subgroupDiagnostic, "");
  const directives: string[] = [];
  if (immediates) directives.push("requires immediate_address_space;");
  if (/\b(subgroup(?!Matrix|_matrix_)[A-Z_]|quad(Broadcast|Swap)|num_subgroups\b)/.test(text))
    directives.push("enable subgroups;");
  if (/\bf16\b/.test(text)) directives.push("enable f16;");
  if (/\bsubgroup(Matrix|_matrix_)/.test(text))
    directives.push("enable chromium_experimental_subgroup_matrix;");
  return directives;
}

function textOf(value: string | number | boolean): string {
  if (typeof value === "boolean") return value ? "1" : "0";
  return String(value);
}

function expandFile(
  library: Readonly<Record<string, string>>,
  name: string,
  defines: Map<string, string>,
  fixed: ReadonlySet<string>,
  included: Set<string>,
): Line[] {
  const text = library[name];
  if (text === undefined) throw new ShaderError(`There is no shader called '${name}' in shaders/.`);
  included.add(name);
  const out: Line[] = [];
  // One entry per open #if: is this branch live, has any branch been taken, is the whole #if inside a dead branch?
  const stack: { live: boolean; taken: boolean; dead: boolean }[] = [];
  const isLive = () => stack.every((entry) => entry.live && !entry.dead);
  const errorAt = (line: number, message: string) =>
    new ShaderError(`shaders/${name}.wgsl:${line}: ${message}`);
  const source = text.split("\n").map((raw, index) => ({ raw, line: index + 1 }));
  const walk = (lines: readonly SourceLine[]): void => {
    for (let at = 0; at < lines.length; at++) {
      const { raw, line } = lines[at];
      const directive = /^\s*#(\w+)\s*(.*)$/.exec(raw);
      if (directive?.[1] !== "repeat") {
        step(raw, line, directive);
        continue;
      }
      const end = endOfRepeat(lines, at);
      if (end < 0) throw errorAt(line, "#repeat without #end");
      if (isLive()) {
        const match = /^(\w+)\s+(\w+)$/.exec(directive[2].replace(/\/\/.*$/, "").trim());
        const count = match ? Number(substitute(match[2], defines)) : Number.NaN;
        if (!match || !Number.isInteger(count))
          throw errorAt(line, "#repeat needs a name and a whole number");
        const body = lines.slice(at + 1, end);
        for (let i = 0; i < count; i++) walk(body.map((inner) => bindCounter(inner, match[1], i)));
      }
      at = end;
    }
  };
  const step = (raw: string, line: number, directive: RegExpExecArray | null): void => {
    if (!directive) {
      if (isLive()) out.push({ text: substitute(raw.replaceAll("##", ""), defines), file: name, line });
      return;
    }
    const [, word, rest] = directive;
    const argument = rest.replace(/\/\/.*$/, "").trim();
    const top = stack.at(-1);
    switch (word) {
      case "if": {
        const dead = !isLive();
        const live = !dead && evaluate(argument, defines, (message) => errorAt(line, message));
        stack.push({ live, taken: live, dead });
        break;
      }
      case "elif":
        if (!top) throw errorAt(line, "#elif without #if");
        top.live =
          !top.dead && !top.taken && evaluate(argument, defines, (message) => errorAt(line, message));
        top.taken ||= top.live;
        break;
      case "else":
        if (!top) throw errorAt(line, "#else without #if");
        top.live = !top.taken;
        top.taken = true;
        break;
      case "endif":
        if (!stack.pop()) throw errorAt(line, "#endif without #if");
        break;
      case "define": {
        if (!isLive()) break;
        const match = /^(\w+)\s*(.*)$/.exec(argument);
        if (!match) throw errorAt(line, "#define needs a name");
        if (!fixed.has(match[1])) defines.set(match[1], substitute(match[2], defines));
        break;
      }
      case "include": {
        if (!isLive()) break;
        const path = /^"([^"]+)"$/.exec(argument)?.[1];
        if (path === undefined) throw errorAt(line, "#include needs a quoted name");
        if (!included.has(path)) out.push(...expandFile(library, path, defines, fixed, included));
        break;
      }
      default:
        throw errorAt(line, `unknown directive #${word}`);
    }
  };
  walk(source);
  if (stack.length > 0) throw errorAt(source.length, "#if without #endif");
  return out;
}

/** Index of the #end that closes the #repeat at `start`, or -1. */
function endOfRepeat(lines: readonly SourceLine[], start: number): number {
  let depth = 0;
  for (let at = start; at < lines.length; at++) {
    const word = /^\s*#(repeat|end)\b/.exec(lines[at].raw)?.[1];
    if (word === "repeat") depth++;
    else if (word === "end" && --depth === 0) return at;
  }
  return -1;
}

function bindCounter({ raw, line }: SourceLine, name: string, value: number): SourceLine {
  const joined = raw.replace(new RegExp(`##${name}\\b`, "g"), String(value));
  return { raw: joined.replace(new RegExp(`\\b${name}\\b`, "g"), String(value)), line };
}

function substitute(text: string, defines: ReadonlyMap<string, string>): string {
  // A define's value may use other defines, so substitution repeats until nothing changes (bounded against cycles).
  let current = text;
  for (let round = 0; round < 8; round++) {
    const next = current.replace(/\b[A-Za-z_]\w*\b/g, (word) => defines.get(word) ?? word);
    if (next === current) return next;
    current = next;
  }
  return current;
}

/** Evaluates an #if expression by recursive descent. */
function evaluate(
  expression: string,
  defines: ReadonlyMap<string, string>,
  error: (message: string) => Error,
): boolean {
  const tokens = substitute(expression, defines).match(/\w+|&&|\|\||[=!<>]=|[<>!()]/g) ?? [];
  let position = 0;
  const primary = (): number => {
    const token = tokens[position++];
    if (token === undefined) throw error(`#if: '${expression}' ends too early`);
    if (token === "!") return primary() ? 0 : 1;
    if (token === "(") {
      const value = or();
      if (tokens[position++] !== ")") throw error(`#if: '${expression}' lacks a closing bracket`);
      return value;
    }
    const value = Number(token);
    return Number.isNaN(value) ? 0 : value;
  };
  const comparison = (): number => {
    let left = primary();
    for (;;) {
      const operator = tokens[position];
      if (!/^([=!<>]=|[<>])$/.test(operator ?? "")) return left;
      position++;
      const right = primary();
      const results: Record<string, boolean> = {
        "==": left === right,
        "!=": left !== right,
        "<": left < right,
        "<=": left <= right,
        ">": left > right,
        ">=": left >= right,
      };
      left = results[operator] ? 1 : 0;
    }
  };
  const and = (): number => {
    let left = comparison();
    while (tokens[position] === "&&") {
      position++;
      const right = comparison();
      left = left && right ? 1 : 0;
    }
    return left;
  };
  const or = (): number => {
    let left = and();
    while (tokens[position] === "||") {
      position++;
      const right = and();
      left = left || right ? 1 : 0;
    }
    return left;
  };
  const value = or();
  if (position !== tokens.length) throw error(`#if: cannot read '${expression}'`);
  return value !== 0;
}

function readBindings(name: string, code: string): ("read" | "read_write")[] {
  const bindings: ("read" | "read_write")[] = [];
  for (const match of code.matchAll(/@group\(0\)\s*@binding\((\d+)\)\s*var<storage,\s*(read|read_write)>/g)) {
    bindings[Number(match[1])] = match[2] as "read" | "read_write";
  }
  if (bindings.length === 0 || Object.keys(bindings).length !== bindings.length) {
    throw new ShaderError(`shaders/${name}.wgsl: storage bindings must be numbered 0, 1, … without gaps.`);
  }
  return bindings;
}

function readParams(name: string, code: string): ParamField[] {
  if (!/var<immediate>/.test(code)) return [];
  const body = /struct Params\s*\{([^}]*)\}/.exec(code)?.[1];
  if (body === undefined)
    throw new ShaderError(`shaders/${name}.wgsl: var<immediate> needs a struct Params.`);
  const fields = [...body.matchAll(/(\w+)\s*:\s*(\w+)/g)].map(([, field, type]) => {
    if (type !== "u32" && type !== "i32" && type !== "f32") {
      throw new ShaderError(`shaders/${name}.wgsl: Params.${field} must be u32, i32 or f32, not ${type}.`);
    }
    return { name: field, type } satisfies ParamField;
  });
  if (fields.length > 16)
    throw new ShaderError(`shaders/${name}.wgsl: Params holds at most 16 fields (64 bytes).`);
  return fields;
}
