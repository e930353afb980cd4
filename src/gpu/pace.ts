// Work in slices: submissions of which only a few wait on the device at once, so that other work gets its turn, and what commands are
// found to cost, so that a slice can be cut to a budget. Not here: encoding (program.ts) and waiting for the device (waiting.ts).
import type { Command } from "./recorder.js";
import type { Waiting } from "./waiting.js";

/** What commands of one kind take: the same kernel with the same parameters and grid. */
export interface Cost {
  /** Milliseconds; undefined until one has been timed. */
  ms: number | undefined;
  /** How often it was timed. */
  times: number;
}

/** A submission that is on the device. */
interface Slice {
  costs: readonly Cost[];
  submitted: number;
}

/** Most commands of unknown cost in a slice. */
const mostNovel = 16;

/** What commands cost, in milliseconds, and the slices of them that wait on the device. */
export class Pace {
  private readonly costs = new Map<string, Cost>();
  /** Submitted and not known to be done, in order. */
  private readonly flying: Slice[] = [];
  /** Slices that are done and too short, one by one, to be timed. */
  private timing: Cost[] = [];
  private timingFrom = 0;
  /** When the device was last known to have ended a slice. */
  private endedAt = 0;
  private readonly waking: (() => void)[] = [];
  /** Commands of unknown cost that may share a slice: more as they turn out to be cheap. */
  private novel = 1;

  constructor(private readonly waiting: Waiting) {}

  /** The costs of a program's commands, shared with those of the same kind in other programs. */
  costsOf(commands: readonly Command[]): Cost[] {
    return commands.map((command) => {
      const kind = kindOf(command);
      const cost = this.costs.get(kind) ?? { ms: undefined, times: 0 };
      this.costs.set(kind, cost);
      return cost;
    });
  }

  /** Says of one command after the other whether a slice of `budgetMs` ends with it. */
  cutter(costs: readonly Cost[], budgetMs: number): (at: number) => boolean {
    let spent = 0;
    let unknown = 0;
    return (at) => {
      const { ms } = costs[at];
      if (ms === undefined) unknown++;
      else spent += ms;
      const next = at + 1 < costs.length ? costs[at + 1] : undefined;
      const ends = !next || (next.ms === undefined ? unknown >= this.novel : spent + next.ms > budgetMs);
      if (ends) spent = unknown = 0;
      return ends;
    };
  }

  /** Resolves when another slice may be submitted: two on the device, and as many more as end before JavaScript hears of it. */
  async room(budgetMs: number): Promise<void> {
    await this.waiting.measured;
    const { latency, grain } = this.waiting;
    const most = 2 + Math.round((latency + grain) / budgetMs);
    while (this.flying.length >= most) await new Promise<void>((wake) => this.waking.push(wake));
  }

  /** A slice of these commands has just been submitted. */
  submitted(costs: readonly Cost[], budgetMs: number): void {
    const slice = { costs, submitted: performance.now() };
    this.flying.push(slice);
    const landed = () => this.landed(slice, budgetMs);
    this.waiting.done().then(landed, landed); // a lost device is reported by the next readback
  }

  private landed(slice: Slice, budgetMs: number): void {
    const { waiting } = this;
    const now = performance.now();
    waiting.latency = Math.min(waiting.latency, now - slice.submitted);
    this.flying.splice(0, this.flying.indexOf(slice) + 1);
    const ended = now - waiting.latency;
    if (this.timing.length === 0) this.timingFrom = Math.max(slice.submitted, this.endedAt);
    this.timing.push(...slice.costs);
    this.endedAt = ended;
    const ms = ended - this.timingFrom;
    if (ms >= 2 * waiting.grain || this.flying.length === 0) {
      const novel = learn(this.timing, Math.max(ms, 0), waiting.grain);
      if (novel && ms < budgetMs / 2) this.novel = Math.min(mostNovel, 2 * this.novel);
      if (novel && ms > 2 * budgetMs) this.novel = Math.max(1, this.novel / 2);
      this.timing = [];
    }
    for (const wake of this.waking.splice(0)) wake();
  }
}

/** Commands of one kind take about the same time. */
function kindOf(command: Command): string {
  if (command.kind === "run") return `${command.kernel.key}|${command.groups.join()}|${command.words.join()}`;
  return `${command.kind}|${command.kind === "clear" ? command.block.bindingSize : command.byteLength}`;
}

/**
 * Fits the costs of commands that took `ms` together, give or take `grain`; true where any of them was unknown. A first run is often
 * slower than those that follow, because drivers compile late, so that the second is believed outright and later ones in part.
 */
export function learn(costs: readonly Cost[], ms: number, grain: number): boolean {
  let known = 0;
  let unknown = 0;
  for (const cost of costs) {
    if (cost.ms === undefined) unknown++;
    else known += cost.ms;
  }
  if (unknown > 0) {
    const each = Math.max(ms - known, 0.1 * ms, 0.1 * grain) / unknown;
    for (const cost of costs) {
      if (cost.ms !== undefined) continue;
      cost.ms = each;
      cost.times = 1;
    }
    return true;
  }
  const ratio = Math.min(Math.max(known, ms - grain), ms + grain) / known;
  for (const cost of new Set(costs)) {
    const outright = cost.times === 1 && ratio < 1;
    cost.ms =
      (cost.ms as number) * (outright ? Math.max(ratio, 1e-3) : Math.min(Math.max(ratio, 0.1), 4) ** 0.3);
    cost.times++;
  }
  return false;
}
