// What readers of data sets do alike with parts: counting them, drawing a validation part where a set brings none, and the
// subsets that follow from them. Not here: splits by groups, which src/probe draws for sets without a split.
import { createHash } from "node:crypto";
import type { Part } from "../types.js";
import type { SetClip, Subset } from "./types.js";

export const partNames = ["train", "valid", "test"] as const satisfies readonly Part[];

/** SHA-1 of a text, as a number modulo `n`: what published splits by artist are made from. */
export function sha1Modulo(text: string, n: number): number {
  return Number(BigInt(`0x${createHash("sha1").update(text, "utf8").digest("hex")}`) % BigInt(n));
}

/** Clips, and different pieces among them, in each part. */
export function countParts(clips: readonly SetClip[]): {
  clips: Record<Part, number>;
  songs: Record<Part, number>;
} {
  const count = { train: 0, valid: 0, test: 0 };
  const songs = { train: new Set<string>(), valid: new Set<string>(), test: new Set<string>() };
  for (const { part, piece } of clips) {
    if (!part) continue;
    count[part]++;
    songs[part].add(piece);
  }
  return { clips: count, songs: { train: songs.train.size, valid: songs.valid.size, test: songs.test.size } };
}

/** Turns about a fifth of the training pieces into a validation part, by a hash of their names: the same on every machine. */
export function drawValidation(clips: readonly SetClip[]): void {
  for (const clip of clips) {
    if (clip.part === "train" && sha1Modulo(clip.piece, 5) === 0) clip.part = "valid";
  }
}

/** `train`, `train+valid` and `all`; of a set without parts only `all`. */
export function partSubsets(clips: SetClip[]): Subset[] {
  const all: Subset = { name: "all", rule: "every clip, tested ones too", clips };
  if (!clips.some(({ part }) => part)) return [{ ...all, rule: "every clip" }];
  const of = (...parts: Part[]) => clips.filter(({ part }) => part && parts.includes(part));
  return [
    { name: "train", rule: "the training part", clips: of("train") },
    { name: "train+valid", rule: "the training and validation parts", clips: of("train", "valid") },
    all,
  ];
}

/** "1 clip", "18 706 clips". */
export function counted(n: number, word: string): string {
  return `${spaced(n)} ${word}${n === 1 ? "" : "s"}`;
}

/** Thousands apart: 18 706. */
export function spaced(n: number): string {
  return String(n).replace(/\B(?=(\d{3})+$)/g, " ");
}
