// What every reader of a data set gives and is given, whatever the set's own format is. Types only.
import type { OnProgress, Part } from "../types.js";
import type { Problems } from "./problems.js";
import type { SetFile, SetFiles } from "./set-files.js";

/** One clip of a data set: where its audio is, and what is known of it. */
export interface SetClip {
  /** Unique in the set, and the same on every machine. */
  id: string;
  /** The recording that it was cut from. */
  piece: string;
  title: string;
  /** Clips that share one of these must not be divided by a split. */
  groups: string[];
  file: SetFile;
  /** Where in the file it starts, in seconds (default 0), and how long it is (default: to the end). */
  start?: number;
  seconds?: number;
  /** See LabelledClip; a clip without a label can still be pre-trained on. */
  label?: number[];
  /** Undefined: in no part, and not probed on. */
  part?: Part;
}

/** Which clips are pre-trained on. */
export interface Subset {
  name: string;
  /** The rule, in a few words. */
  rule: string;
  clips: SetClip[];
  /** How many the rule gives on the whole set, where that is known. */
  published?: number;
}

/** A task that can be made of a set's labels. */
export interface SetTask {
  /** As `--task` names it. */
  name: string;
  kind: "multilabel" | "classification" | "regression";
  classes: string[];
  /** Labelled clips, all of them with a part, or none where the set has no split of its own. */
  clips: SetClip[];
  /** Where labels and split come from, and what the split keeps apart; for reports. */
  note: string;
  /** What the whole set gives, by what is counted: "clips", or "songs" (counted by piece). */
  published?: Partial<Record<"clips" | "songs", Record<Part, number>>>;
}

/** A data set as it was read from a folder. */
export interface ReadSet {
  tasks: SetTask[];
  /** The first is what is pre-trained on where none is named. */
  subsets: Subset[];
  /** What was found, a line each, for `melgrad data check`. */
  found: string[];
}

export interface ReadOptions {
  /** Where lengths of files that had to be measured are kept. */
  cacheDir: string;
  /** Draws what a rule leaves to chance. */
  seed: number;
  onProgress?: OnProgress;
  signal?: AbortSignal;
}

/** A format that is recognised and read. */
export interface SetFormat {
  /** As `--dataset` names it. */
  name: string;
  title: string;
  /** The names of its tasks, as `--task` takes them. */
  tasks: readonly string[];
  /** How to lay the files out, as lines of text. */
  layout: readonly string[];
  /** Whether a folder looks like it, by the names of what it holds. */
  recognise(files: SetFiles): boolean;
  /**
   * Reads lists and labels and pairs them with audio; what is amiss goes to `problems`, and the rest is read.
   * @throws DataError where nothing can be made of it
   */
  read(files: SetFiles, problems: Problems, options: ReadOptions): Promise<ReadSet>;
}
