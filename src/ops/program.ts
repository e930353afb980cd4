// Launching shaders/elementwise/program: any computation element by element, of tensors that broadcast together. Decides how
// each operand is read; what is computed is the caller's, as WGSL. Outside the graph: operations are in unary.ts, binary.ts,
// where.ts and fuse.ts.
import type { Defines } from "../gpu/preprocess.js";
import {
  broadcastShapes,
  broadcastStrides,
  mergeAxes,
  type Shape,
  sameShape,
  sizeOf,
} from "../tensor/shape.js";
import type { DType, Tensor } from "../tensor/tensor.js";
import { planGrid } from "./launch.js";
import { stridedCopy } from "./view.js";

/** What is computed, in WGSL on vec4s. */
export interface Program {
  /** Statements in x0, x1, … (the operands) and p.c0, p.c1, … (the numbers). */
  body?: string;
  /** Expressions, one for each result. */
  results: readonly string[];
}

export interface ProgramOptions {
  numbers?: readonly number[];
  /** The results' shape; by default what the operands broadcast to. */
  shape?: Shape;
  /** The operands' shapes and what they broadcast to, where they are to be read as other shapes of as many elements. */
  shapes?: readonly Shape[];
  over?: Shape;
  /** The results' dtype, f32 by default. */
  dtype?: DType;
  /** Operands and results are vec4<u32>, the bits of their elements, rather than vec4<f32>. */
  bits?: boolean;
}

/** How operands are read, in the terms of the shader. */
interface Reading {
  defines: Record<string, string | number>;
  params: Record<string, number>;
}

const parameterWords = 16;

/**
 * The program of a single expression whose variables are `names`, in the order of the operands. Of those only the ones that occur
 * need to be bound: `used` picks them from a list. Pure.
 */
export function named(expressions: readonly string[], names: readonly string[]) {
  const occurs = names.map((name) => expressions.some((text) => new RegExp(`\\b${name}\\b`).test(text)));
  const kept = names.filter((_, i) => occurs[i]);
  const program: Program = {
    body: kept.map((name, i) => `let ${name} = x${i};`).join(" "),
    results: expressions,
  };
  const used = <T>(list: readonly T[]): T[] => list.filter((_, i) => occurs[i]);
  return { program, used };
}

/** Runs a program over `operands`, of which there is at least one. */
export function runProgram(
  { body = "", results }: Program,
  operands: readonly Tensor[],
  options: ProgramOptions = {},
): Tensor[] {
  const { numbers = [], dtype = "f32", bits = false } = options;
  const { gpu } = operands[0];
  const { device } = gpu;
  const shapes = options.shapes ?? operands.map((x) => x.shape);
  const target = options.over ?? options.shape ?? shapes.reduce(broadcastShapes);
  const reading = readOperands(shapes, target, bits, parameterWords - 2 - numbers.length);
  if (!reading) {
    // More lengths and strides than parameters: the operand of most axes is repeated first.
    const worst = longest(shapes, target);
    const copy = stridedCopy(operands[worst], target, broadcastStrides(shapes[worst], target));
    return runProgram({ body, results }, operands.with(worst, copy), {
      ...options,
      shapes: shapes.with(worst, target),
      over: target,
    });
  }
  const outputs = results.map(() => gpu.empty(options.shape ?? target, { dtype }));
  const defines: Record<string, string | number> = {
    INPUTS: operands.length,
    OUTPUTS: outputs.length,
    NUMBERS: numbers.length,
    BODY: body,
    ...reading.defines,
  };
  results.forEach((expression, k) => {
    defines[`BINDING${k}`] = operands.length + k;
    defines[`OUT${k}`] = bits ? "vec4<u32>" : "vec4<f32>";
    defines[`RESULT${k}`] = expression;
  });
  const count = Math.ceil(sizeOf(target) / 4);
  const { groups, span } = planGrid(device.capabilities, count);
  const params: Record<string, number> = { count, span, ...reading.params };
  numbers.forEach((value, k) => {
    params[`c${k}`] = value;
  });
  const kernel = device.kernel("elementwise/program", defines satisfies Defines);
  const blocks = [...operands, ...outputs].map((x) => x.block);
  device.run(kernel, blocks, params, groups);
  return outputs;
}

/** Chooses how every operand is read; undefined where that takes more than `words` parameters. Pure. */
export function readOperands(
  shapes: readonly Shape[],
  target: Shape,
  bits: boolean,
  words: number,
): Reading | undefined {
  const size = sizeOf(target);
  const scalar = bits ? "u32" : "f32";
  const vector = `vec4<${scalar}>`;
  const repeated: number[] = [];
  const defines: Record<string, string | number> = {};
  let hoist = "";
  shapes.forEach((shape, k) => {
    const own = sizeOf(shape);
    defines[`TYPE${k}`] = own === size ? vector : scalar;
    defines[`LOAD${k}`] = own === size ? `in${k}[i]` : `one${k}`;
    if (own === size) return;
    if (own === 1) hoist += `let one${k} = ${vector}(in${k}[0]); `;
    else repeated.push(k);
  });
  defines.HOIST = hoist;
  defines.WALKS = repeated.length;
  if (repeated.length === 0) return { defines, params: {} };

  const merged = mergeAxes(
    target,
    repeated.map((k) => broadcastStrides(shapes[k], target)),
  );
  const rank = merged.shape.length;
  const quad = merged.shape[rank - 1] % 4 === 0;
  if (rank - 1 + rank * repeated.length + Number(!quad) > words) return undefined;
  Object.assign(defines, { RANK: rank, OUTER: rank - 1, LAST: `x${rank - 1}`, QUAD: Number(quad) });
  defines.INDEX = quad ? "u32" : "vec4<u32>";
  const params: Record<string, number> = quad ? {} : { last: merged.shape[0] - 1 };
  for (let k = 0; k < rank - 1; k++) {
    params[`n${k}`] = merged.shape[rank - 1 - k] / (quad && k === 0 ? 4 : 1);
  }
  repeated.forEach((operand, j) => {
    const strides = merged.strides[j];
    const spread = strides[rank - 1] === 0;
    const at = `in${operand}[at${j}`;
    if (quad && !spread) defines[`TYPE${operand}`] = vector;
    defines[`LOAD${operand}`] = quad
      ? spread
        ? `${vector}(${at}])`
        : `${at}]`
      : `${vector}(${at}.x], ${at}.y], ${at}.z], ${at}.w])`;
    for (let k = 0; k < rank; k++) {
      const stride = strides[rank - 1 - k];
      params[`s${j}_${k}`] = quad && !spread && k > 0 ? stride / 4 : stride;
    }
  });
  return { defines, params };
}

/** The operand that is repeated along most separate runs of axes. */
function longest(shapes: readonly Shape[], target: Shape): number {
  const runs = shapes.map((shape) =>
    sameShape(shape, target) ? 0 : mergeAxes(target, [broadcastStrides(shape, target)]).shape.length,
  );
  return runs.indexOf(Math.max(...runs));
}
