// A short name for shaders as they are now, by which what was measured or checked of them is kept: it changes with their text.
import shaders from "melgrad:shaders";
import { hashText } from "./tuner-store.js";

/** Kernels that are named together. */
export interface SourcedFamily {
  readonly name: string;
  /** Shaders of all its kernels; what they include counts too. */
  readonly shaders: readonly string[];
  /** To be raised when what is measured changes outside the shaders. */
  readonly version: number;
}

/** Hash of a family's shaders and all they include, without comments and blanks, and of its version. */
export function hashSources({ shaders: roots, version }: SourcedFamily): string {
  const names = new Set<string>();
  const add = (name: string) => {
    if (names.has(name)) return;
    names.add(name);
    for (const [, included] of (shaders[name] ?? "").matchAll(/^\s*#include\s+"([^"]+)"/gm)) add(included);
  };
  for (const root of roots) add(root);
  // Without any blank, because a browser's shaders have been rid of them (scripts/shaders.mjs).
  const texts = [...names].sort().map((name) => `${name}\n${bare(shaders[name] ?? "")}`);
  return hashText(`${version}\n${texts.join("\n")}`);
}

function bare(text: string): string {
  return text.replace(/\/\/.*$/gm, "").replace(/\s+/g, "");
}
