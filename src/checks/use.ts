// Checking as a part of other work: a person's run turns it on for its device, and from then on whatever prepares work there has its
// kernels checked first, with a line to say so. Where it was not turned on nothing is checked. Not here: the checks themselves.
import { MelgradError } from "../gpu/errors.js";
import type { Gpu } from "../tensor/gpu.js";
import { kernelChecks } from "./index.js";
import { type CheckedWork, checkWork, type WrongKernel } from "./run.js";

type Say = (line: string) => void;

const listeners = new WeakMap<Gpu, Say>();

/** From now on work on this device is checked before it is first done; `say` is given a line each time there was something to check. */
export function turnChecksOn(gpu: Gpu, say: Say): void {
  listeners.set(gpu, say);
}

/**
 * Checks the kernels of `work`, which is recorded and not run, as far as they are not known on this adapter; see `checkWork`. Throws
 * MelgradError where one computes wrongly and there is no other.
 */
export async function checkFirst(gpu: Gpu, work: () => void): Promise<CheckedWork | undefined> {
  const say = listeners.get(gpu);
  if (!say) return undefined;
  const result = await checkWork(gpu, kernelChecks, work);
  const line = checkedLine(result);
  if (line) say(line);
  const bad = result.wrong.find(({ avoided }) => !avoided);
  if (bad) {
    throw new MelgradError(
      `${shortKey(bad.key)} computes wrongly on this adapter (${bad.reason}), and there is no other kernel for it: ` +
        "take another adapter (--adapter embedded), or update this one's driver.",
    );
  }
  return result;
}

/** One line for people; undefined where nothing was checked. */
export function checkedLine({ checked, ms, wrong }: CheckedWork): string | undefined {
  if (checked === 0) return undefined;
  const what = `checked ${checked} kernel${checked === 1 ? "" : "s"} on this adapter in ${(ms / 1000).toFixed(1)} s`;
  if (wrong.length === 0) return `${what}: all right`;
  const named = [...new Set(wrong.map(wrongText))];
  const few = named.slice(0, 3).join("; ");
  return `${what}: ${wrong.length} wrong: ${few}${named.length > 3 ? `; and ${named.length - 3} more` : ""}`;
}

const wrongText = ({ key, avoided }: WrongKernel) =>
  `${shortKey(key)}, ${avoided ? "avoided" : "and there is no other"}`;

/** A kernel's key in short: the shader with what tells it from its siblings. */
export function shortKey(key: string): string {
  const [shader, ...defines] = key.split("|");
  const telling = /^(TEAM|LANES|HALVES|BLOCKS|SHARE|PER_LANE|SERIAL|RESULT0)=(?!0$)/;
  const kept = defines.filter((define) => telling.test(define)).map((define) => define.slice(0, 40));
  return [shader, ...kept].join(" ");
}
