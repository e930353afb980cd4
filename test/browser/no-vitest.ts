// Stands in for vitest in a page: what runs there returns what is wrong instead of asserting it.
export function expect(): never {
  throw new Error("There is no expect() in a page.");
}
