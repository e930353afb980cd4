// What is known of kernels on this adapter: which were checked against float64 and are right, and which compute wrongly and must
// not be taken. A verdict holds for a kernel's text: it is kept with a hash of its shader and is forgotten when that changes.
// Not here: the checks (src/checks), where verdicts are kept (the tuner's store), what is taken instead (ops/alternatives.ts).

/** Of one shader: by hash of its sources, kernels by key. */
export interface ShaderVerdicts {
  sources: string;
  right: string[];
  /** Why not. */
  wrong: Record<string, string>;
}

/** Verdicts as a store keeps them, by shader. */
export type VerdictTable = Record<string, ShaderVerdicts>;

/** Which kernels, by their keys, are right on this adapter, and why others are wrong. */
export class Verdicts {
  private readonly rights = new Map<string, Set<string>>();
  private readonly wrongs = new Map<string, { shader: string; reason: string }>();

  /** `sourcesOf` gives the hash of a shader with all that it includes, as it is now. */
  constructor(private readonly sourcesOf: (shader: string) => string) {}

  /** Why this kernel must not be taken, if so. */
  wrong(key: string): string | undefined {
    return this.wrongs.size === 0 ? undefined : this.wrongs.get(key)?.reason;
  }

  knows(shader: string, key: string): boolean {
    return this.wrongs.has(key) || (this.rights.get(shader)?.has(key) ?? false);
  }

  /** Takes a verdict down; no reason means right. */
  judge(shader: string, key: string, reason?: string): void {
    this.rights.get(shader)?.delete(key);
    this.wrongs.delete(key);
    if (reason !== undefined) {
      this.wrongs.set(key, { shader, reason });
      return;
    }
    const known = this.rights.get(shader);
    if (known) known.add(key);
    else this.rights.set(shader, new Set([key]));
  }

  /** Adds what was found before, as far as it was found of these shaders. */
  add(table: VerdictTable): void {
    for (const [shader, { sources, right, wrong }] of Object.entries(table)) {
      if (sources !== this.sourcesOf(shader)) continue;
      for (const key of right) if (!this.wrongs.has(key)) this.judge(shader, key);
      for (const [key, reason] of Object.entries(wrong)) this.judge(shader, key, reason);
    }
  }

  /** Everything known; of wrong kernels alone where `right` is false. */
  table(right = true): VerdictTable {
    const table: VerdictTable = {};
    const entry = (shader: string) => {
      table[shader] ??= { sources: this.sourcesOf(shader), right: [], wrong: {} };
      return table[shader];
    };
    if (right) for (const [shader, keys] of this.rights) entry(shader).right.push(...[...keys].sort());
    for (const [key, { shader, reason }] of this.wrongs) entry(shader).wrong[key] = reason;
    return table;
  }

  counts(): { right: number; wrong: number } {
    const right = [...this.rights.values()].reduce((sum, keys) => sum + keys.size, 0);
    return { right, wrong: this.wrongs.size };
  }

  /** Forgets everything, to check anew. */
  clear(): void {
    this.rights.clear();
    this.wrongs.clear();
  }
}

/** The verdicts that a part of a table holds, without what is damaged. Never throws. */
export function readVerdicts(value: unknown): VerdictTable {
  const table: VerdictTable = {};
  if (typeof value !== "object" || value === null) return table;
  for (const [shader, found] of Object.entries(value as Record<string, Partial<ShaderVerdicts> | null>)) {
    if (typeof found?.sources !== "string") continue;
    const right = Array.isArray(found.right) ? found.right.filter((key) => typeof key === "string") : [];
    const wrong: Record<string, string> = {};
    for (const [key, reason] of Object.entries(found.wrong ?? {})) wrong[key] = String(reason);
    table[shader] = { sources: found.sources, right, wrong };
  }
  return table;
}
