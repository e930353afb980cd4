// What labels leave without an answer: classes that no training clip shows, tags that are nowhere on, parts that are empty. Said in
// words, so that nobody reads a score for more than it is; the probe goes on where it can.
import type { Part } from "../types.js";
import { partNames } from "./parts.js";
import type { SetTask } from "./types.js";

type Labelled = Pick<SetTask, "kind"> & {
  classes: readonly string[];
  clips: readonly { label?: number[]; part?: Part }[];
};

/**
 * What the classes of a task lose with clips that turned out to be unusable, one remark a part; and what its classes lack because of
 * that, which `labelRemarks` does not say of the whole.
 */
export function lossRemarks(task: Labelled, lost: Labelled["clips"]): string[] {
  const { kind, classes, clips } = task;
  if (lost.length === 0) return [];
  const gone = new Set(lost);
  const remarks: string[] = [];
  const shows = (label: number[] | undefined, k: number) =>
    label !== undefined && (kind === "multilabel" ? label[k] === 1 : label[0] === k);
  for (const part of kind === "regression" ? [] : [...partNames, undefined]) {
    const losses = classes.flatMap((name, k) => {
      const of = (list: Labelled["clips"]) =>
        list.filter((clip) => clip.part === part && shows(clip.label, k)).length;
      const less = of(lost);
      return less > 0 ? [`${name} loses ${less} of ${of(clips)}`] : [];
    });
    if (losses.length === 0) continue;
    const shown = losses.slice(0, 8).join(", ");
    const more = losses.length > 8 ? `, … (${losses.length} classes in all)` : "";
    remarks.push(`${part ? `in the ${part} part ` : ""}${shown}${more}`);
  }
  const before = new Set(labelRemarks(task));
  const left = clips.filter((clip) => !gone.has(clip));
  return [...remarks, ...labelRemarks({ ...task, clips: left }).filter((remark) => !before.has(remark))];
}

/** What each class of a task lacks, one remark a kind of lack. Tasks without parts are looked at as a whole. */
export function labelRemarks({ kind, classes, clips }: Labelled): string[] {
  const split = clips.some(({ part }) => part);
  const parts: (Part | undefined)[] = split ? [...partNames] : [undefined];
  const remarks: string[] = [];
  for (const part of parts) {
    const labels = clips.filter((clip) => clip.part === part).map(({ label }) => label ?? []);
    const where = part ? `the ${part} part` : "the set";
    if (labels.length === 0) {
      remarks.push(`${where} has no clip`);
      continue;
    }
    if (kind === "regression") continue;
    const shown = classes.map(
      (_, k) => labels.filter((label) => (kind === "multilabel" ? label[k] === 1 : label[0] === k)).length,
    );
    const absent = classes.filter((_, k) => shown[k] === 0);
    if (absent.length === 0) continue;
    const list = `${absent.slice(0, 8).join(", ")}${absent.length > 8 ? `, … (${absent.length} in all)` : ""}`;
    if (kind === "multilabel") {
      const so = part === "train" ? "nothing can be learnt of them" : "they do not count in its mean";
      remarks.push(`no clip of ${where} has the tags ${list}; ${so}`);
    } else if (part !== "valid") {
      const so = part === "test" ? "they are not tested" : "clips of them cannot be told";
      remarks.push(`no clip of ${where} is of ${list}; ${so}`);
    }
  }
  return remarks;
}
