// The tuner's memory: which kernel a family of kernels takes for a bucket of shapes on this adapter. A choice is looked up in
// what was measured here (a store), then in what is shipped with melgrad, and is the family's own rule where neither says
// anything. Looking up is synchronous and never measures; ops/tuning.ts measures, between steps and only when asked.
//
// A bucket's choice never changes by itself: tables are read when the device is opened, and entries are added by `put`
// alone. Not here: the tables themselves (tuner-tables.ts). What a run has used can be taken down (`record`) and followed by a later one (`follow`), so that a resumed run
// computes the same bits although more was measured meanwhile.
//
// Modes: "off" uses tables and rules and measures nothing; "on" also notes which buckets no table knows, to be measured;
// "force" notes all of them, and doubts what the tables say.
import shaders from "melgrad:shaders";
import type { Capabilities } from "./capabilities.js";
import type { Chooser, KernelFamily, SerialBuild } from "./chooser.js";
import { type Defines, preprocess } from "./preprocess.js";
import { serialBuild } from "./serial.js";
import type { SourcedFamily } from "./shader-sources.js";
import type { FamilyTable, TuningStore, TuningTable } from "./tuner-store.js";
import { type TableName, TuningTables } from "./tuner-tables.js";
import { Verdicts } from "./verdicts.js";

/** The modes, see TuneMode. */
export const tuneModes = ["off", "on", "force"] as const;
/** off: tables and rules; on: what no table knows is noted and can be measured by `tune`; force: all is. */
export type TuneMode = (typeof tuneModes)[number];

/** Kernels that compute the same thing, and how one is chosen. All functions are pure. */
export interface TunedFamily<Case, Choice> extends KernelFamily<Case, Choice>, SourcedFamily {
  /** A case without the tensors that it may hold on to: what is remembered of it until it is measured. */
  keep(shape: Case): unknown;
  /** Cases with one name share a choice. */
  bucket(shape: Case): string;
  /** What is worth measuring here: only what this adapter can run and this case allows. */
  candidates(capabilities: Capabilities, shape: Case): Choice[];
  /** Those that ask least of an adapter, however slow: the last ones to be tried where others compute wrongly. */
  plainest?(capabilities: Capabilities, shape: Case): Choice[];
  /** A choice in a table, and back; undefined where this adapter cannot run it. */
  nameOf(choice: Choice): string;
  parse(name: string, capabilities: Capabilities): Choice | undefined;
  /** The part of a choice that can be wrong: what a veto holds for. */
  kernelOf(choice: Choice): string;
}

/** A bucket that no table knows. */
export interface Wanted {
  family: TunedFamily<unknown, unknown>;
  bucket: string;
  /** The first case of the bucket that was met. */
  shape: unknown;
}

/** A bucket that was used, for people. */
export interface Used {
  /** Of kernels: matmul, attention. */
  family: string;
  /** Shapes that share a choice. */
  bucket: string;
  /** "" where the rule decided. */
  choice: string;
  /** The rule's time over the choice's when it was measured; 1 where nothing was. */
  gain: number;
  /** Where the choice comes from. */
  source: Source;
}

/** A resumed run, a measurement here, a table that comes with melgrad, or the rule. */
export type Source = TableName | "rule";

interface Decision {
  /** Undefined: the rule decides, for each case by itself. */
  choice: unknown;
  name: string;
  gain: number;
  source: Source;
}

/** What tables are found by: device, driver or browser, and what kernels are chosen by. */
export function tuningKey(capabilities: Capabilities): string {
  const { adapterName, subgroups, subgroupMinSize, subgroupMaxSize, f16, maxInvocations, runtime } =
    capabilities;
  const lanes = subgroups ? `subgroups ${subgroupMinSize}-${subgroupMaxSize}` : "no subgroups";
  const where = runtime ? `; ${runtime}` : "";
  return `${adapterName}; ${lanes}; ${f16 ? "f16" : "no f16"}; ${maxInvocations} invocations${where}`;
}

/** Which kernel a family takes for a bucket of shapes on this adapter: `gpu.device.tuner`. Looks up and never measures. */
export class Tuner implements Chooser {
  /** Whether buckets that no table knows are noted. */
  mode: TuneMode = "off";
  /** What was ignored and why. */
  readonly notes: string[] = [];
  /** What its tables are found by: adapter, driver and features. */
  readonly key: string;
  /** Which kernels were checked here, and what was found. */
  readonly verdicts: Verdicts;
  private readonly families: ReadonlyMap<string, TunedFamily<unknown, unknown>>;
  private readonly tables: TuningTables;
  private readonly decisions = new Map<string, Map<string, Decision>>();
  private readonly wantedBuckets = new Map<string, Wanted>();
  private readonly fresh = new Set<string>();
  private forced: { family: string; choose(shape: unknown): unknown } | undefined;

  constructor(
    /** Of the device. */
    readonly capabilities: Capabilities,
    /** What it knows of the families that operations ask for, by name. */
    families: readonly TunedFamily<unknown, unknown>[] = [],
  ) {
    this.families = new Map(families.map((family) => [family.name, family]));
    this.key = tuningKey(capabilities);
    this.tables = new TuningTables(this.key, (text) => this.note(text));
    this.notes.push(...(capabilities.distrusted ?? []));
    this.verdicts = new Verdicts((shader) => this.sourcesOf({ name: shader, shaders: [shader], version: 1 }));
  }

  /** Why a kernel, by its key, must not be taken here, if so. */
  wrong(key: string): string | undefined {
    return this.verdicts.wrong(key);
  }

  /** What is built in place of a kernel that is wrong here: its text made serial, unless that cannot be or is wrong too. */
  instead(key: string, shader: string, defines: Defines): SerialBuild | undefined {
    const other = `${key}|SERIAL=1`;
    if (this.wrong(key) === undefined || this.wrong(other) !== undefined) return undefined;
    const { immediates } = this.capabilities;
    const text = serialBuild(preprocess(shaders, shader, defines, { immediates }));
    return text && { key: other, defines: { ...defines, SERIAL: 1 }, text };
  }

  /** What may be taken in place of the choice for a case, the likeliest first. */
  others<Case, Choice>(asked: KernelFamily<Case, Choice>, shape: Case): Choice[] {
    const family = this.familyOf(asked);
    return [
      ...family.candidates(this.capabilities, shape),
      ...(family.plainest?.(this.capabilities, shape) ?? []),
    ];
  }

  /** The choice for a case. */
  choose<Case, Choice>(asked: KernelFamily<Case, Choice>, shape: Case): Choice {
    const family = this.familyOf(asked);
    const { forced } = this;
    if (forced?.family === family.name) return forced.choose(shape) as Choice;
    const bucket = family.bucket(shape);
    let decided = this.decisions.get(family.name);
    if (!decided) {
      decided = new Map();
      this.decisions.set(family.name, decided);
    }
    let decision = decided.get(bucket);
    if (!decision) {
      decision = this.decide(family, bucket);
      decided.set(bucket, decision);
    }
    if (this.mode !== "off") this.want(family, bucket, shape, decision);
    return (decision.choice as Choice | undefined) ?? this.ruled(family, shape);
  }

  /** The rule's choice, or the first candidate that computes rightly. */
  ruled<Case, Choice>(family: TunedFamily<Case, Choice>, shape: Case): Choice {
    const choice = family.rule(this.capabilities, shape);
    const vetoes = this.tables.vetoesOf(family);
    if (!vetoes || !(family.kernelOf(choice) in vetoes)) return choice;
    const candidates = family.candidates(this.capabilities, shape);
    return candidates.find((each) => !(family.kernelOf(each) in vetoes)) ?? choice;
  }

  /** Runs `work`, in which every case of the family gets this choice. */
  using<Case, Choice, R>(family: KernelFamily<Case, Choice>, choice: Choice, work: () => R): R {
    return this.usingEach(family, () => choice, work);
  }

  /** Runs `work`, in which each case of the family gets the choice that `choose` says. `work` must be synchronous. */
  usingEach<Case, Choice, R>(
    family: KernelFamily<Case, Choice>,
    choose: (shape: Case) => Choice,
    work: () => R,
  ): R {
    const before = this.forced;
    this.forced = { family: family.name, choose: choose as (shape: unknown) => unknown };
    try {
      return work();
    } finally {
      this.forced = before;
    }
  }

  /** Buckets that were asked for and wait for a measurement. */
  wanted(): Wanted[] {
    return [...this.wantedBuckets.values()];
  }

  /** Takes a measured choice down, undefined where the rule's is the best; it holds from now on. */
  put<Case, Choice>(
    family: TunedFamily<Case, Choice>,
    bucket: string,
    choice: Choice | undefined,
    gain: number,
  ): void {
    const name = choice === undefined ? "" : family.nameOf(choice);
    this.tables.measuredOf(family).entries[bucket] = [name, Number(gain.toPrecision(3))];
    this.fresh.add(`${family.name} ${bucket}`);
    this.wantedBuckets.delete(`${family.name} ${bucket}`);
    this.decisions.get(family.name)?.delete(bucket);
  }

  /** Whether a table has this case's bucket. */
  knows<Case, Choice>(family: TunedFamily<Case, Choice>, shape: Case): boolean {
    return this.decide(family, family.bucket(shape)).source !== "rule";
  }

  /** Never takes this choice's kernel again on this adapter. */
  veto<Case, Choice>(family: TunedFamily<Case, Choice>, choice: Choice, reason: string): void {
    const table = this.tables.measuredOf(family);
    table.vetoes = { ...table.vetoes, [family.kernelOf(choice)]: reason };
    this.decisions.delete(family.name);
  }

  /** Why a choice may not be taken, if so. */
  vetoed<Case, Choice>(family: TunedFamily<Case, Choice>, choice: Choice): string | undefined {
    return this.tables.vetoesOf(family)?.[family.kernelOf(choice)];
  }

  /** Forgets the vetoes of a family, to test its kernels again. */
  forgive<Case, Choice>(family: TunedFamily<Case, Choice>): void {
    delete this.tables.measuredOf(family).vetoes;
    this.decisions.delete(family.name);
  }

  /** Adds choices that come with melgrad, for which nobody has to measure. */
  ship(families: Readonly<Record<string, FamilyTable>>): void {
    this.tables.ship(families);
    this.decisions.clear();
  }

  /** Reads what was measured on this adapter before, and keeps there what will be. */
  async open(store: TuningStore): Promise<void> {
    this.verdicts.add(await this.tables.open(store));
    this.decisions.clear();
  }

  /** Writes what was measured, together with what others have written meanwhile. */
  save(): Promise<void> {
    return this.tables.save(this.verdicts);
  }

  /** Forgets every table, so that the rules decide. */
  forget(): void {
    this.tables.forget();
    this.decisions.clear();
    this.wantedBuckets.clear();
    this.fresh.clear();
  }

  /** Every bucket used so far with its choice, the rule's too. */
  record(): TuningTable {
    const families: Record<string, FamilyTable> = {};
    for (const [name, decided] of this.decisions) {
      const entries = [...decided].map(([bucket, { name: choice, gain }]) => [bucket, [choice, gain]]);
      if (entries.length === 0) continue;
      families[name] = {
        sources: this.tables.knownSources(name),
        entries: Object.fromEntries(entries.sort(([a], [b]) => (String(a) < String(b) ? -1 : 1))),
      };
    }
    const checks = this.verdicts.table(false);
    return {
      ...{ format: 1, adapter: this.key, families },
      ...(Object.keys(checks).length > 0 ? { checks } : {}),
    };
  }

  /** Takes the choices of a record before all others, as far as it was made on such an adapter with these shaders. */
  follow(table: TuningTable): void {
    const checks = this.tables.follow(table);
    if (typeof checks === "string") this.note(`The run's choice of kernels is not followed: ${checks}.`);
    else this.verdicts.add(checks);
    this.decisions.clear();
  }

  /** What was used, for people. */
  used(): Used[] {
    return [...this.decisions].flatMap(([family, decided]) =>
      [...decided].map(([bucket, { name, gain, source }]) => ({
        family,
        bucket,
        choice: name,
        gain,
        source,
      })),
    );
  }

  /** Tables that are of no use for a family because its shaders have changed since. */
  outdated(family: SourcedFamily): string[] {
    return this.tables.outdated(family);
  }

  /** Hash of a family's shaders without comments and blanks, and of its version. */
  sourcesOf(family: SourcedFamily): string {
    return this.tables.sourcesOf(family);
  }

  /** Buckets in the tables. */
  counts(): {
    /** In tables that come with melgrad. */
    shipped: number;
    /** Measured here. */
    measured: number;
  } {
    return { shipped: this.tables.count("shipped"), measured: this.tables.count("measured") };
  }

  /** What was measured here, for shipping. */
  get measurements(): Readonly<Record<string, FamilyTable>> {
    return this.tables.measured;
  }

  /** All of a family: as it was given, or as the operation names it. */
  private familyOf<Case, Choice>(asked: KernelFamily<Case, Choice>): TunedFamily<Case, Choice> {
    return ("bucket" in asked ? asked : this.families.get(asked.name)) as TunedFamily<Case, Choice>;
  }

  private decide<Case, Choice>(family: TunedFamily<Case, Choice>, bucket: string): Decision {
    for (const { source, entry } of this.tables.entries(family, bucket)) {
      const [name, gain] = entry;
      if (name === "") return { choice: undefined, name, gain, source };
      const choice = family.parse(name, this.capabilities);
      if (choice === undefined || this.vetoed(family, choice) !== undefined) continue;
      return { choice, name, gain, source };
    }
    return { choice: undefined, name: "", gain: 1, source: "rule" };
  }

  private want<Case, Choice>(
    family: TunedFamily<Case, Choice>,
    bucket: string,
    shape: Case,
    { source }: Decision,
  ): void {
    const id = `${family.name} ${bucket}`;
    const known = this.fresh.has(id) || (this.mode === "on" && source !== "rule");
    if (known || this.wantedBuckets.has(id)) return;
    this.wantedBuckets.set(id, {
      family: family as TunedFamily<unknown, unknown>,
      bucket,
      shape: family.keep(shape),
    });
  }

  /** Kernels of a family that computed wrongly, and how that showed. */
  vetoesOf<Case, Choice>(family: TunedFamily<Case, Choice>): Record<string, string> | undefined {
    return this.tables.vetoesOf(family);
  }

  private note(text: string): void {
    if (!this.notes.includes(text)) this.notes.push(text);
  }
}
