// The gradients of several processes added up: the arena is read into one array that is kept, summed by one all-reduce, and written
// back. What the processes measured travels at the array's end. Not here: what an all-reduce is made of (host/group.ts).
import { MelgradError } from "../gpu/errors.js";
import { gather, type ProcessGroup } from "../host/group.js";
import type { ParameterSet } from "../nn/parameters.js";
import { median } from "../ops/tuning.js";
import type { MeasuredLosses } from "./readings.js";

/** Most numbers that go along with the gradients. */
const room = 64;

/** Milliseconds for which others may be silent once this process was asked to stop. */
const patience = 5000;

/** Exchanges whose times are kept: a training may be longer than memory. */
const remembered = 1000;

/** Adds gradients up over the processes of a group. */
export class GradientExchange {
  /** Whether this process was asked to stop. */
  stopAsked: () => boolean = () => false;
  /** Whether any process had been asked to stop when gradients were last added up: so all stop after the same step. */
  stops = false;
  /** Milliseconds of each of the last exchanges: to the host, adding up with waiting for the others, handing back. */
  private readonly spent = { read: [] as number[], reduce: [] as number[], write: [] as number[] };
  /** Milliseconds of the slowest all-reduce, with waiting for the others. */
  private longest = 0;
  private readonly values: Float32Array<ArrayBuffer>;
  private readonly gradients: Float32Array<ArrayBuffer>;

  constructor(
    private readonly parameters: ParameterSet,
    private readonly group: ProcessGroup,
  ) {
    const size = parameters.arenas.gradients.byteLength / 4;
    this.values = new Float32Array(size + room);
    this.gradients = this.values.subarray(0, size);
  }

  /**
   * Replaces the gradients by their sum over all processes; gives the mean of what they measured. `meanwhile` is called while
   * gradients are on their way.
   */
  async addUp(measured: Promise<MeasuredLosses>, meanwhile: () => void): Promise<MeasuredLosses> {
    const { parameters, gradients, values, spent } = this;
    const { device } = parameters.gpu;
    const own = await measured; // by then they are computed
    const start = performance.now();
    const block = parameters.arenas.gradients;
    await device.readMany([
      { block, byteLength: block.byteLength, into: new Uint8Array(gradients.buffer, 0, block.byteLength) },
    ]);
    const read = performance.now();
    const tail = values.subarray(gradients.length);
    tail.set(Object.values(own).map(Number));
    tail[room - 1] = Number(this.stopAsked());
    const adding = this.group.allReduce(values);
    meanwhile();
    await this.patiently(adding);
    const reduced = performance.now();
    device.write(block, gradients);
    this.stops = tail[room - 1] > 0;
    const written = performance.now();
    this.longest = Math.max(this.longest, reduced - read);
    spent.read.push(read - start);
    spent.reduce.push(reduced - read);
    spent.write.push(written - reduced);
    if (spent.read.length > remembered) for (const all of Object.values(spent)) all.shift();
    return this.named(own, tail);
  }

  /**
   * What an exchange takes, medians of those that are remembered; undefined where there was none. Every process must ask. The last one
   * to come to an all-reduce waits for nobody, so the shortest of each is what adding up itself takes.
   */
  async words(): Promise<string | undefined> {
    const { read, reduce, write } = this.spent;
    if (read.length === 0) return undefined;
    const all = await gather(this.group, reduce);
    const shortest = reduce.map((_, i) => Math.min(...all.map((of) => of[i])));
    const ms = (values: number[]) => `${median(values).toFixed(1)} ms`;
    return (
      `adding gradients up takes ${ms(shortest)} a step, ${ms(reduce)} with waiting for the others, and ` +
      `${ms(read)} and ${ms(write)} to the host and back`
    );
  }

  /** The mean over all processes of what each measured. */
  async meanOf(own: MeasuredLosses): Promise<MeasuredLosses> {
    const values = Float32Array.from(Object.values(own).map(Number));
    await this.group.allReduce(values);
    return this.named(own, values);
  }

  /**
   * A launcher that ends all processes, because one has died, asks each to stop; to wait for the dead one then would be for ever.
   * Throws MelgradError where the others do not answer for long after this process was asked.
   */
  private async patiently(adding: Promise<void>): Promise<void> {
    let asked = 0;
    let timer: NodeJS.Timeout | undefined;
    const silence = new Promise<never>((_, reject) => {
      timer = setInterval(() => {
        if (!this.stopAsked()) return;
        asked ||= performance.now();
        if (performance.now() - asked < patience + 4 * this.longest) return;
        reject(
          new MelgradError(
            "Asked to stop, and the other processes no longer answer: the last checkpoint stands.",
          ),
        );
      }, 250);
    });
    try {
      await Promise.race([adding, silence]);
    } finally {
      clearInterval(timer);
    }
  }

  private named(own: MeasuredLosses, sums: Float32Array): MeasuredLosses {
    return Object.fromEntries(
      Object.keys(own).map((name, i) => [name, sums[i] / this.group.size]),
    ) as MeasuredLosses;
  }
}
