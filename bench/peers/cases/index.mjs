// The suites by name.
import { kernelCases } from "./kernels.mjs";
import { melCases } from "./mel.mjs";
import { stepCases } from "./step.mjs";

export const suites = { kernels: kernelCases, mel: melCases, step: stepCases };

/** Every case there is, for the processes that are told a name. */
export function findCase(name) {
  const all = [...kernelCases(), ...melCases({ long: true }), ...stepCases()];
  const found = all.find((each) => each.name === name);
  if (!found) throw new Error(`There is no case '${name}'.`);
  return found;
}
