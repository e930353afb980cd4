// Launching shaders/elementwise/program: any computation element by element, of tensors that broadcast together. Decides how
// each operand is read; what is computed is the caller's, as WGSL. Outside the graph: operations are in unary.ts, binary.ts,
// where.ts and fuse.ts.
import type { Defines } from "../gpu/preprocess.js";
import {
  broadcastShapes,
  broadcastStrides,
  mergeAxes,
  type Shape,
  sizeOf,
  stridesOf,
} from "../tensor/shape.js";
import type { DType, Tensor } from "../tensor/tensor.js";
import { runElements } from "./launch.js";
import { cutters } from "./pieces.js";
import { stridedCopy } from "./strided.js";

/** What is computed, in WGSL on vec4s. */
export interface Elementwise {
  /** Statements in x0, x1, … (the operands) and c0, c1, … (the numbers). */
  body?: string;
  /** Expressions, one for each result. */
  results: readonly string[];
}

/** Numbers and shapes of an element-by-element kernel. */
export interface ElementwiseOptions {
  numbers?: readonly number[];
  /** The results' shape; by default what the operands broadcast to. */
  shape?: Shape;
  /**
   * Where operands are not read as they broadcast: the shape that is walked, of as many elements as the results, and the strides
   * of each operand along its axes.
   */
  walk?: { over: Shape; strides: readonly (readonly number[])[] };
  /** The results' dtype, f32 by default. */
  dtype?: DType;
  /** Operands and results are vec4<u32>, the bits of their elements, rather than vec4<f32>. */
  bits?: boolean;
  /** Operands of dtype i32 are conditions: vec4<u32>, 1 where the element is not 0. Their bits never pass for those of an f32. */
  conditions?: boolean;
}

/** How operands are read, in the terms of the shader. */
interface Reading {
  defines: Record<string, string | number>;
  params: Record<string, number>;
}

/** Of each operand, along the axes of what is walked. */
type Strides = readonly (readonly number[])[];

/** Runs a program on operands and results, over a shape by strides. */
export type Launch = (tensors: readonly Tensor[], over: Shape, strides: Strides) => void;

declare module "./pieces.js" {
  interface Cutters {
    /** Runs `launch` over `over` in pieces; `strides` are the operands', which come first among `tensors`. */
    elementwise(tensors: readonly Tensor[], over: Shape, strides: Strides, launch: Launch): boolean;
  }
}

const parameterWords = 16;

/**
 * The program of a single expression whose variables are `names`, in the order of the operands. Of those only the ones that occur
 * need to be bound: `used` picks them from a list. Pure.
 */
export function named(expressions: readonly string[], names: readonly string[]) {
  const occurs = names.map((name) => expressions.some((text) => new RegExp(`\\b${name}\\b`).test(text)));
  const kept = names.filter((_, i) => occurs[i]);
  const program: Elementwise = {
    body: kept.map((name, i) => `let ${name} = x${i};`).join(" "),
    results: expressions,
  };
  const used = <T>(list: readonly T[]): T[] => list.filter((_, i) => occurs[i]);
  return { program, used };
}

/** Runs a program over `operands`, of which there is at least one. */
export function runElementwise(
  { body = "", results }: Elementwise,
  operands: readonly Tensor[],
  options: ElementwiseOptions = {},
): Tensor[] {
  const { numbers = [], dtype = "f32", bits = false } = options;
  const { gpu } = operands[0];
  const { device } = gpu;
  const shape = options.shape ?? options.walk?.over ?? operands.map((x) => x.shape).reduce(broadcastShapes);
  const over = options.walk?.over ?? shape;
  const strides = options.walk?.strides ?? operands.map((x) => broadcastStrides(x.shape, over));
  const whether = operands.map((x) => Boolean(options.conditions) && x.dtype === "i32");
  const words = parameterWords - 2 - numbers.length;
  const reading = readOperands(over, strides, bits, words, whether);
  if (!reading) {
    // More lengths and strides than parameters: the operand of most axes is brought into the results' order first.
    const runs = strides.map((own) => mergeAxes(over, [own]).shape.length);
    const worst = runs.indexOf(Math.max(...runs));
    const copy = stridedCopy(operands[worst], over, strides[worst]);
    const walk = { over, strides: strides.with(worst, stridesOf(over)) };
    return runElementwise({ body, results }, operands.with(worst, copy), { ...options, shape, walk });
  }
  const outputs = results.map(() => gpu.empty(shape, { dtype }));
  const read = (own: Shape, by: Strides) => readOperands(own, by, bits, words, whether) as Reading;
  const launch = (tensors: readonly Tensor[], own: Shape, by: Strides, how = read(own, by)) => {
    const defines: Record<string, string | number> = {
      INPUTS: operands.length,
      OUTPUTS: outputs.length,
      NUMBERS: numbers.length,
      BODY: body,
      ...how.defines,
    };
    results.forEach((expression, k) => {
      defines[`BINDING${k}`] = operands.length + k;
      defines[`OUT${k}`] = bits ? "vec4<u32>" : "vec4<f32>";
      defines[`RESULT${k}`] = expression;
    });
    const params: Record<string, number> = { ...how.params };
    numbers.forEach((value, k) => {
      params[`c${k}`] = value;
    });
    const kernel = device.kernel("elementwise/program", defines satisfies Defines);
    runElements(kernel, tensors, sizeOf(own), params);
  };
  const tensors = [...operands, ...outputs];
  if (!cutters.elementwise?.(tensors, over, strides, launch)) launch(tensors, over, strides, reading);
  return outputs;
}

/** Chooses how every operand is read; undefined where that takes more than `words` parameters. Pure. */
export function readOperands(
  over: Shape,
  strides: readonly (readonly number[])[],
  bits: boolean,
  words: number,
  conditions: readonly boolean[] = [],
): Reading | undefined {
  const whole = stridesOf(over);
  const walked: number[] = [];
  const defines: Record<string, string | number> = { HOIST: "" };
  const typesOf = (k: number) => {
    const scalar = bits || conditions[k] ? "u32" : "f32";
    return { scalar, vector: `vec4<${scalar}>` };
  };
  const asConditions = () => {
    for (const k of conditions.keys()) {
      if (conditions[k]) defines[`LOAD${k}`] = `vec4<u32>((${defines[`LOAD${k}`]}) != vec4(0u))`;
    }
    return defines;
  };
  strides.forEach((own, k) => {
    const { scalar, vector } = typesOf(k);
    if (over.every((n, axis) => n === 1 || own[axis] === whole[axis])) {
      defines[`TYPE${k}`] = vector;
      defines[`LOAD${k}`] = `in${k}[i]`;
    } else if (over.every((n, axis) => n === 1 || own[axis] === 0)) {
      defines.HOIST += `let one${k} = ${vector}(in${k}[0]); `;
      defines[`TYPE${k}`] = scalar;
      defines[`LOAD${k}`] = `one${k}`;
    } else {
      walked.push(k);
    }
  });
  defines.WALKS = walked.length;
  if (walked.length === 0) return { defines: asConditions(), params: {} };

  const merged = mergeAxes(
    over,
    walked.map((k) => strides[k]),
  );
  const rank = merged.shape.length;
  const inner = merged.shape[rank - 1];
  const vectors = merged.strides.map(
    (own) => own[rank - 1] === 1 && own.slice(0, -1).every((stride) => stride % 4 === 0),
  );
  const quad = inner % 4 === 0 && merged.strides.every((own, j) => vectors[j] || own[rank - 1] === 0);
  if (rank + rank * walked.length > words) return undefined;
  Object.assign(defines, { RANK: rank, OUTER: rank - 1, LAST: `x${rank - 1}`, QUAD: Number(quad) });
  defines.INDEX = quad ? "u32" : "vec4<u32>";
  const params: Record<string, number> = {};
  for (let k = 0; k < rank; k++) {
    params[`n${k}`] = merged.shape[rank - 1 - k] / (quad && k === 0 ? 4 : 1);
  }
  walked.forEach((operand, j) => {
    const { scalar, vector } = typesOf(operand);
    const whole4 = quad && vectors[j];
    const at = `in${operand}[at${j}`;
    defines[`TYPE${operand}`] = whole4 ? vector : scalar;
    if (whole4) defines[`LOAD${operand}`] = `${at}]`;
    else if (quad) defines[`LOAD${operand}`] = `${vector}(${at}])`;
    else defines[`LOAD${operand}`] = `${vector}(${at}.x], ${at}.y], ${at}.z], ${at}.w])`;
    for (let k = 0; k < rank; k++) {
      params[`s${j}_${k}`] = merged.strides[j][rank - 1 - k] / (whole4 && k > 0 ? 4 : 1);
    }
  });
  return { defines: asConditions(), params };
}

/** EXPR(a, b), a WGSL expression on vec4s, over the broadcast of both shapes; outside the graph. */
export function combine(expression: string, a: Tensor, b: Tensor): Tensor {
  return runElementwise({ body: "let a = x0; let b = x1;", results: [expression] }, [a, b])[0];
}
