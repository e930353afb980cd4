// The tables that a tuner looks into, in their order: a run's own record, what was measured on this adapter, what comes with melgrad;
// and how what was measured is kept in a store. What a table says of a family counts while its shaders are as they were then.
// Not here: what an entry means (tuner.ts), how a table is read from text (tuner-store.ts).
import { hashSources, type SourcedFamily } from "./shader-sources.js";
import {
  type FamilyTable,
  hashText,
  readTable,
  type TunedEntry,
  type TuningStore,
  type TuningTable,
} from "./tuner-store.js";
import type { Verdicts, VerdictTable } from "./verdicts.js";

type Families = Record<string, FamilyTable>;

/** The tables, the first to be asked first. */
const order = ["run", "measured", "shipped"] as const;

/** A table, by where it comes from. */
export type TableName = (typeof order)[number];

/** The tables of a device, looked into in their order. */
export class TuningTables {
  private tables: Record<TableName, Families> = { run: {}, measured: {}, shipped: {} };
  private store: TuningStore | undefined;
  private readonly sources = new Map<string, string>();

  constructor(
    /** What they are found by: `tuningKey` of the adapter. */
    readonly key: string,
    /** Told what was ignored and why. */
    private readonly note: (text: string) => void,
  ) {}

  /** What each table says of a bucket. */
  *entries(family: SourcedFamily, bucket: string): Generator<{ source: TableName; entry: TunedEntry }> {
    const sources = this.sourcesOf(family);
    for (const source of order) {
      const found = this.tables[source][family.name];
      const entry = found?.sources === sources ? found.entries[bucket] : undefined;
      if (entry) yield { source, entry };
    }
  }

  /** What was measured of a family here, to be added to. */
  measuredOf(family: SourcedFamily): FamilyTable {
    const sources = this.sourcesOf(family);
    const { measured } = this.tables;
    let table = measured[family.name];
    if (table?.sources !== sources) {
      table = { sources, entries: {} };
      measured[family.name] = table;
    }
    return table;
  }

  /** Kernels of a family that computed wrongly, and how that showed. */
  vetoesOf(family: SourcedFamily): Record<string, string> | undefined {
    const table = this.tables.measured[family.name];
    return table?.vetoes && table.sources === this.sourcesOf(family) ? table.vetoes : undefined;
  }

  /** Everything that was measured here. */
  get measured(): Readonly<Families> {
    return this.tables.measured;
  }

  /** Adds choices that come with melgrad. */
  ship(families: Readonly<Families>): void {
    this.tables.shipped = { ...this.tables.shipped, ...families };
  }

  /** Puts a run's record before all others. The verdicts that it holds, or why it says nothing here. */
  follow(table: TuningTable): VerdictTable | string {
    const read = readTable(JSON.stringify(table), this.key);
    if (typeof read === "string") return read;
    this.tables.run = read.families;
    return read.checks ?? {};
  }

  /** Reads what was measured on this adapter before, and keeps there what will be. The verdicts that were kept with it. */
  async open(store: TuningStore): Promise<VerdictTable> {
    this.store = store;
    const table = await this.read();
    this.tables.measured = table?.families ?? {};
    return table?.checks ?? {};
  }

  /** Writes what was measured and found, together with what others have written meanwhile. */
  async save(verdicts: Verdicts): Promise<void> {
    if (!this.store) return;
    const before = await this.read();
    const families: Families = { ...before?.families };
    for (const [name, mine] of Object.entries(this.measured)) {
      const theirs = families[name];
      families[name] =
        theirs?.sources === mine.sources
          ? { ...mine, entries: { ...theirs.entries, ...mine.entries } }
          : mine;
    }
    const checks = joined(before?.checks ?? {}, verdicts.table());
    const table: TuningTable = { format: 1, adapter: this.key, families, checks };
    try {
      await this.store.save(hashText(this.key), `${JSON.stringify(table, null, 1)}\n`);
    } catch (error) {
      this.note(`What was measured cannot be kept in ${this.store.place}: ${(error as Error).message}`);
    }
  }

  /** Forgets all of them. */
  forget(): void {
    this.tables = { run: {}, measured: {}, shipped: {} };
  }

  /** Tables that are of no use for a family because its shaders have changed since. */
  outdated(family: SourcedFamily): TableName[] {
    const now = this.sourcesOf(family);
    return order.filter((name) => {
      const table = this.tables[name][family.name];
      return table && table.sources !== now;
    });
  }

  /** Hash of a family's shaders without comments and blanks, and of its version; made once. */
  sourcesOf(family: SourcedFamily): string {
    let hash = this.sources.get(family.name);
    if (hash === undefined) {
      hash = hashSources(family);
      this.sources.set(family.name, hash);
    }
    return hash;
  }

  /** As `sourcesOf`, of a family that was asked for before. */
  knownSources(name: string): string {
    return this.sources.get(name) ?? "";
  }

  /** Buckets in a table. */
  count(name: TableName): number {
    return Object.values(this.tables[name]).reduce(
      (total, { entries }) => total + Object.keys(entries).length,
      0,
    );
  }

  private async read(): Promise<TuningTable | undefined> {
    const { store } = this;
    if (!store) return undefined;
    let table: TuningTable | string;
    try {
      const text = await store.load(hashText(this.key));
      if (text === undefined) return undefined;
      table = readTable(text, this.key);
    } catch (error) {
      table = error instanceof Error ? error.message : String(error);
    }
    if (typeof table !== "string") return table;
    this.note(`What was measured before, in ${store.place}, is ignored: ${table}.`);
    return undefined;
  }
}

/** Verdicts of two tables; those of the second count where both know a kernel or a shader has changed. */
function joined(theirs: VerdictTable, mine: VerdictTable): VerdictTable {
  const table = { ...theirs, ...mine };
  for (const [shader, { sources, right, wrong }] of Object.entries(mine)) {
    const other = theirs[shader];
    if (other?.sources !== sources) continue;
    const known = new Set([...right, ...Object.keys(wrong)]);
    const kept = Object.entries(other.wrong).filter(([key]) => !known.has(key));
    table[shader] = {
      sources,
      right: [...right, ...other.right.filter((key) => !known.has(key))].sort(),
      wrong: { ...Object.fromEntries(kept), ...wrong },
    };
  }
  return table;
}
