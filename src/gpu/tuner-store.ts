// Where measured choices of kernels are kept between runs: the shape of a table, how one is read from text that anybody may
// have damaged, and the interface of a store, with one in memory. Files and a browser's private file system are in host/.

import { readVerdicts, type VerdictTable } from "./verdicts.js";

/** A bucket's choice by name ("" is the rule's own), and how many times faster it was than the rule's. */
export type TunedEntry = readonly [choice: string, gain: number];

/** What is known of one family of kernels. */
export interface FamilyTable {
  /** Hash of the shaders that were measured: with others the entries say nothing. */
  sources: string;
  entries: Record<string, TunedEntry>;
  /** Kernels that computed wrongly here, and how that showed. */
  vetoes?: Record<string, string>;
}

/** Choices by family and bucket, measured on one adapter. */
export interface TuningTable {
  /** Version of the format. */
  format: 1;
  /** `tuningKey` of the adapter. */
  adapter: string;
  /** By name. */
  families: Record<string, FamilyTable>;
  /** Kernels that were checked on it, by shader. */
  checks?: VerdictTable;
}

/** Keeps one text for each adapter. */
export interface TuningStore {
  /** For people: where it is. */
  readonly place: string;
  /** Undefined where there is none. */
  load(key: string): Promise<string | undefined>;
  /** Whole or not at all. */
  save(key: string, text: string): Promise<void>;
}

/** A store that lasts as long as the process: for tests, and for a page without a private file system. */
export class MemoryTuningStore implements TuningStore {
  readonly place = "memory";
  private readonly texts = new Map<string, string>();

  async load(key: string): Promise<string | undefined> {
    return this.texts.get(key);
  }

  async save(key: string, text: string): Promise<void> {
    this.texts.set(key, text);
  }
}

/** A short name for a text, for file names and for telling sources apart: 53 bits in base 36. Not for secrets. */
export function hashText(text: string): string {
  let high = 0xdeadbeef;
  let low = 0x41c6ce57;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    high = Math.imul(high ^ code, 2654435761);
    low = Math.imul(low ^ code, 1597334677);
  }
  high = Math.imul(high ^ (high >>> 16), 2246822507) ^ Math.imul(low ^ (low >>> 13), 3266489909);
  low = Math.imul(low ^ (low >>> 16), 2246822507) ^ Math.imul(high ^ (high >>> 13), 3266489909);
  return (2 ** 32 * (low & 0x1fffff) + (high >>> 0)).toString(36);
}

/** The table that a text holds, or a reason why it holds none for this adapter. Never throws. */
export function readTable(text: string, adapter: string): TuningTable | string {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return "it is not JSON";
  }
  if (!isRecord(value) || value.format !== 1 || !isRecord(value.families)) {
    return "it is not a table that this version wrote";
  }
  if (value.adapter !== adapter) return `it was measured on another adapter, ${String(value.adapter)}`;
  const families: Record<string, FamilyTable> = {};
  for (const [name, family] of Object.entries(value.families)) {
    if (!isRecord(family) || typeof family.sources !== "string" || !isRecord(family.entries)) {
      return `its part '${name}' is damaged`;
    }
    const entries: Record<string, TunedEntry> = {};
    for (const [bucket, entry] of Object.entries(family.entries)) {
      if (!isEntry(entry)) return `its entry '${name} ${bucket}' is damaged`;
      entries[bucket] = entry;
    }
    const vetoes: Record<string, string> = {};
    for (const [kernel, reason] of Object.entries(isRecord(family.vetoes) ? family.vetoes : {})) {
      vetoes[kernel] = String(reason);
    }
    families[name] = { sources: family.sources, entries, vetoes };
  }
  const checks = readVerdicts(value.checks);
  return { format: 1, adapter, families, ...(Object.keys(checks).length > 0 && { checks }) };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isEntry(value: unknown): value is TunedEntry {
  return (
    Array.isArray(value) &&
    value.length === 2 &&
    typeof value[0] === "string" &&
    typeof value[1] === "number" &&
    Number.isFinite(value[1])
  );
}
