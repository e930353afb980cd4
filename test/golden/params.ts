// Reading a case's params, which are JSON from outside: each reader says what it wanted when it gets something else.
import { DataError } from "../../src/gpu/errors.js";

export type Params = Readonly<Record<string, unknown>>;

function wrong(name: string, kind: string, value: unknown): DataError {
  return new DataError(`the param '${name}' should be ${kind}, not ${JSON.stringify(value)}`);
}

export function number(params: Params, name: string, otherwise?: number): number {
  const value = params[name] ?? otherwise;
  if (typeof value !== "number") throw wrong(name, "a number", value);
  return value;
}

/** A number, or undefined where the param is null or absent. */
export function optionalNumber(params: Params, name: string): number | undefined {
  return params[name] === null || params[name] === undefined ? undefined : number(params, name);
}

export function flag(params: Params, name: string, otherwise?: boolean): boolean {
  const value = params[name] ?? otherwise;
  if (typeof value !== "boolean") throw wrong(name, "true or false", value);
  return value;
}

/** One of `choices`. */
export function choice<T extends string>(
  params: Params,
  name: string,
  choices: readonly T[],
  otherwise?: T,
): T {
  const value = params[name] ?? otherwise;
  const found = choices.find((each) => each === value);
  if (found === undefined) throw wrong(name, `one of ${choices.join(", ")}`, value);
  return found;
}

export function numbers(params: Params, name: string): number[] {
  const value = params[name];
  if (!Array.isArray(value) || value.some((each) => typeof each !== "number")) {
    throw wrong(name, "a list of numbers", value);
  }
  return value;
}

/** A number or a list of them; undefined where null or absent. */
export function axes(params: Params, name: string): number | number[] | undefined {
  const value = params[name];
  if (value === null || value === undefined) return undefined;
  return typeof value === "number" ? value : numbers(params, name);
}

/** A list of lists of numbers (null allowed within). */
export function lists(params: Params, name: string): (number | null)[][] {
  const value = params[name];
  const fine = (each: unknown) => typeof each === "number" || each === null;
  if (!Array.isArray(value) || !value.every((list) => Array.isArray(list) && list.every(fine))) {
    throw wrong(name, "a list of lists of numbers", value);
  }
  return value;
}

export function record(params: Params, name: string): Params {
  const value = params[name];
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw wrong(name, "an object", value);
  return value as Params;
}
