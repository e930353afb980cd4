// The shapes that data travels in: a decoded waveform, a track that can be loaded, a corpus to pre-train on and a
// labelled task to probe with. Types only; nothing here reads a file.

import type { Waveform } from "../audio/types.js";

export type { Waveform };

/** Where the bytes of a track's audio come from: what is made of them can then be found again without decoding them. */
export interface TrackSource {
  /** The file, by a name that is the same on every machine. */
  file: string;
  /** SHA-256 of the file's bytes. Throws DataError where it cannot be read. */
  digest(): Promise<string>;
  /** Which part of the file it is: where it starts, in seconds (default 0), and how long it is (default: to the end). */
  start?: number;
  seconds?: number;
}

/** One piece of audio that can be loaded on demand. */
export interface Track {
  /** Unique within its corpus and stable from run to run (a relative path, or a seed). */
  id: string;
  /** The musical piece. Stems, takes and excerpts of one piece share it, so that a split never cuts a piece in two. */
  piece: string;
  title: string;
  /** Length in seconds, where it is known before loading. */
  seconds?: number;
  /** Absent where the audio is made rather than read. */
  source?: TrackSource;
  load(): Promise<Waveform>;
}

/** A file that was found but cannot be trained on, with the reason in a few words. */
export interface SkippedFile {
  path: string;
  reason: string;
}

/** What was odd about a file that was used all the same, and which rule was followed. */
export interface FileRemark {
  path: string;
  text: string;
}

/** Music to pre-train on. */
export interface Corpus {
  name: string;
  /** One sentence: why this corpus was taken. */
  why: string;
  tracks: Track[];
  skipped: SkippedFile[];
  /** The licence of each source, as its own copyright file states it. */
  licences: { source: string; licence: string }[];
}

/** What a long operation tells whoever draws a progress bar. `total` is 0 where it is not known; `detail` is said beside it. */
export type OnProgress = (progress: {
  what: string;
  done: number;
  total: number;
  unit?: string;
  detail?: string;
}) => void;

/** A part of a split. */
export type Part = "train" | "valid" | "test";

/** One labelled excerpt. */
export interface LabelledClip extends Track {
  /** The part that the data set's own split puts it in. A task any of whose clips has one is probed on that split alone. */
  part?: Part;
  /** Clips that share any of these groups must stand on the same side of a split (piece, chord progression, style…). */
  groups: string[];
  /** multilabel: one 0/1 per class; classification: [class index]; regression: one number per target. */
  label: number[];
}

/** A labelled task for probing frozen features. */
export interface LabelledTask {
  name: string;
  kind: "multilabel" | "classification" | "regression";
  /** Class or target names, in label order. */
  classes: string[];
  clips: LabelledClip[];
  /** The main figure by its name in src/probe/scores, where it is not the usual one: "roc-auc" of each class against the others. */
  metric?: string;
  /** One or two sentences for the report: where audio and labels come from, and what a split keeps apart. */
  note: string;
}
