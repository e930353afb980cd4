// How busy the machine's other processes are: times taken beside them are worth little, and say so. Reads the operating
// system's counters through Node; nothing of WebGPU.
import { cpus } from "node:os";

/** Cores of others above which a time is marked as disturbed. */
export const disturbing = 0.3;

interface Sample {
  at: number;
  /** Milliseconds that all cores have worked. */
  busy: number;
  /** Milliseconds of this process. */
  own: number;
}

function sample(): Sample {
  let busy = 0;
  for (const { times } of cpus()) busy += times.user + times.nice + times.sys + times.irq;
  const { user, system } = process.cpuUsage();
  return { at: performance.now(), busy, own: (user + system) / 1000 };
}

/** Measures from its making on. */
export class CpuMeter {
  private readonly start = sample();

  /** Processor cores that other processes took since; never below 0. */
  others(): number {
    return othersBetween(this.start, sample());
  }

  /** Processor cores that this process took since. */
  own(): number {
    const end = sample();
    return (end.own - this.start.own) / Math.max(1, end.at - this.start.at);
  }
}

/** Pure part of the meter. The system counts in ticks of some 10 ms, so that short spans are rough. */
export function othersBetween(start: Sample, end: Sample): number {
  const wall = Math.max(1, end.at - start.at);
  const others = end.busy - start.busy - (end.own - start.own);
  return Math.max(0, others / wall);
}

/** Cores that others take now, over `milliseconds` of idling. */
export async function othersNow(milliseconds = 500): Promise<number> {
  const meter = new CpuMeter();
  await new Promise((done) => setTimeout(done, milliseconds));
  return meter.others();
}
