// Which variants of the kernels have run: a variant is one side of a condition that the preprocessor decides for a kernel
// (softmax/rows with TEAM == 2 is another than reduce/rows with it), or a value of a define that is in no condition
// but picks another algorithm, such as a number of lanes. Texts only; nothing is dispatched here.
import shaders from "melgrad:shaders";
import { preprocess } from "../../src/gpu/preprocess.js";
import type { Dispatched } from "./open.js";

/** Defines whose values are variants, and which values an adapter can be given. */
const valued: Readonly<Record<string, Readonly<Record<string, readonly number[]>>>> = {
  "matmul/subgroup": { LANES: [4, 8, 16], QUADS: [1, 2] },
  "matmul/shared": { HALVES: [1, 2] },
  "matmul/few_rows": { SPLIT: [1, 16], ROWS: [1, 2, 4, 8] },
  ...Object.fromEntries(
    ["forward", "backward_query", "backward_key"].flatMap((pass) => [
      [`attention/${pass}`, { SHARE: [1, 4, 8], WIDTH: [16, 32, 64] }],
      [`attention/tile_${pass}`, { LANES: [4, 8, 16] }],
    ]),
  ),
  "loss/infonce": { LANES: [4, 8, 16] },
  "loss/infonce_backward": { LANES: [4, 8, 16] },
};

const mark = /\/\/@(\d+)@/g;

/** The shaders with a mark in every branch, and what holds where each mark stands. */
function marked(): { library: Record<string, string>; holds: string[][] } {
  const holds: string[][] = [];
  const library: Record<string, string> = {};
  for (const [file, text] of Object.entries(shaders)) {
    /** The conditions of each open #if so far, and whether it has its #else. */
    const open: { conditions: string[]; otherwise: boolean }[] = [];
    const lines: string[] = [];
    const add = (...conditions: string[]) => {
      lines.push(`//@${holds.length}@`);
      holds.push(conditions);
    };
    const none = (conditions: readonly string[]) => conditions.map((condition) => `not (${condition})`);
    for (const line of text.split("\n")) {
      const [, word, rest = ""] = /^\s*#(\w+)\s*(.*)$/.exec(line) ?? [];
      const top = open.at(-1);
      if (word === "endif" && open.pop()?.otherwise === false) {
        lines.push("#else");
        add(...none(top?.conditions ?? []));
      }
      lines.push(line);
      const condition = rest.replace(/\/\/.*$/, "").trim();
      if (word === "if") open.push({ conditions: [condition], otherwise: false });
      if (word === "if") add(condition);
      if (word === "elif" && top) {
        add(condition, ...none(top.conditions));
        top.conditions.push(condition);
      }
      if (word === "else" && top) {
        add(...none(top.conditions));
        top.otherwise = true;
      }
    }
    library[file] = lines.join("\n");
  }
  return { library, holds };
}

export interface Coverage {
  /** `shader`, `shader: condition`, `shader: not (condition)` and `shader: NAME = value`, of all shaders with an entry point. */
  variants: string[];
  /** Those of them that ran. */
  ran: string[];
}

/** What of all variants these kernels ran. `left` names shaders that no training, probe or operation dispatches. */
export function coverageOf(kernels: Iterable<Dispatched>, left: RegExp): Coverage {
  const { library, holds } = marked();
  const run = new Set<string>();
  for (const { shader, defines } of kernels) {
    run.add(shader);
    const { code } = preprocess(library, shader, defines, { immediates: true });
    for (const [, id] of code.matchAll(mark)) {
      for (const condition of holds[Number(id)]) run.add(`${shader}: ${condition}`);
    }
    for (const name of Object.keys(valued[shader] ?? {})) run.add(`${shader}: ${name} = ${defines[name]}`);
  }
  const variants = new Set<string>();
  for (const [shader, text] of Object.entries(library)) {
    if (!text.includes("@compute") || left.test(shader)) continue;
    variants.add(shader);
    const files = [...included(library, shader)];
    const fixed = new Set(
      files.flatMap((file) => [...library[file].matchAll(/^\s*#define (\w+)/gm)].map(([, name]) => name)),
    );
    for (const file of files) {
      for (const [, id] of library[file].matchAll(mark)) {
        for (const condition of holds[Number(id)]) {
          const names = condition.match(/\b[A-Z]\w*/g) ?? [];
          if (names.some((name) => !fixed.has(name))) variants.add(`${shader}: ${condition}`);
        }
      }
    }
    for (const [name, values] of Object.entries(valued[shader] ?? {})) {
      for (const value of values) variants.add(`${shader}: ${name} = ${value}`);
    }
  }
  return { variants: [...variants], ran: [...variants].filter((variant) => run.has(variant)) };
}

/** A shader and all that it may include. */
function included(library: Readonly<Record<string, string>>, shader: string): Set<string> {
  const found = new Set([shader]);
  for (const file of found) {
    for (const [, inner] of library[file].matchAll(/^\s*#include "([^"]+)"/gm)) found.add(inner);
  }
  return found;
}
