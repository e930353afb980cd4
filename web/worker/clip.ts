// A clip as it is kept, in memory (library.ts) and in the browser's files (files.ts).
import type { FrameMajorMel } from "../../src/patchifier/front-end.js";
import type { ClipInfo } from "../protocol.js";

/** A clip as it is kept. */
export interface Clip {
  info: ClipInfo;
  /** The piece of music: clips of one piece are trained on together or not at all. */
  piece: string;
  mel: FrameMajorMel;
  /** In memory only where the browser keeps no files. */
  samples?: Float32Array;
}
