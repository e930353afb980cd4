// Waiting for the device. Some browsers look only now and then whether a device is done (Firefox every 100 ms, and at every
// submission); where that is so, empty submissions are sent for as long as somebody waits. Not here: what is waited for, or hosts that
// look without a pause (host/node/pause.ts).

/** A queue that answers later than this is taken for one that must be nudged, in milliseconds. */
const slow = 20;
/** How often the queue is asked, and milliseconds in between: longer together than a browser's timer. */
const looks = 5;
const lookEvery = 25;
/** Milliseconds between empty submissions; browsers make about 4 of it. */
const nudgeEvery = 1;
/**
 * And this share of the time that nothing has been heard: a browser that is busy elsewhere would put them by faster than it takes them, and
 * whatever is submitted in earnest would stand behind them all.
 */
const nudgeShare = 1 / 8;

/** Waits for the device, with empty submissions where its host looks seldom. */
export class Waiting {
  /** Milliseconds between the end of work on the device and JavaScript's hearing of it: the least that has been seen. */
  latency = 0;
  /** Whether empty submissions are sent. */
  nudges = false;
  /** Resolves when latency is known. Nobody needs to wait for it. */
  readonly measured: Promise<void>;
  /** How many wait. */
  waiters = 0;
  /** Called when somebody waits and nobody did before. */
  began: (() => void) | undefined;
  private nudging = false;
  /** When something was last heard of the device, or nudging began. */
  private heard = 0;
  /** Whether the device is closed. */
  stopped = false;

  constructor(private readonly queue: GPUQueue) {
    this.measured = this.measure().catch(() => {}); // a lost device is reported by the next readback
  }

  /** Milliseconds by which two ends of work that are told to JavaScript may be closer or further apart than they were. */
  get grain(): number {
    return this.nudges ? 5 : 0.5;
  }

  /** Settles as the device's `promise` does, and makes the browser look for it. */
  async wait<T>(promise: Promise<T>): Promise<T> {
    if (this.waiters++ === 0) this.began?.();
    this.nudge();
    try {
      return await promise;
    } finally {
      this.waiters--;
      this.heard = performance.now();
    }
  }

  /** Settles when everything that was submitted so far is done. */
  done(): Promise<undefined> {
    return this.wait(this.queue.onSubmittedWorkDone());
  }

  /** Nothing is sent or measured any more. */
  stop(): void {
    this.stopped = true;
    this.nudges = false;
  }

  private async measure(): Promise<void> {
    // A single answer proves nothing: it is soon where the browser happens to look, and late where the processor is busy. Sending
    // for nothing costs next to nothing, and not sending makes work crawl, so that one late answer is enough.
    const times: number[] = [];
    for (let i = 0; i < looks && !this.stopped; i++) {
      times.push(await this.timeQueue());
      await new Promise((done) => setTimeout(done, lookEvery));
    }
    const late = times.filter((time) => time >= slow);
    if (late.length > 0 && !this.stopped) {
      this.nudges = true;
      const nudged: number[] = [];
      for (let i = 0; i < looks; i++) nudged.push(await this.timeQueue());
      times.push(...nudged);
      this.nudges = !this.stopped && Math.min(...nudged) < 0.7 * Math.min(...late); // else it is of no use
    }
    this.latency = Math.min(...times);
  }

  private async timeQueue(): Promise<number> {
    const start = performance.now();
    await this.done();
    return performance.now() - start;
  }

  private nudge(): void {
    if (!this.nudges || this.nudging) return;
    this.nudging = true;
    this.heard = performance.now();
    const look = () => {
      this.nudging = this.waiters > 0;
      if (!this.nudging) return;
      this.queue.submit([]);
      setTimeout(look, Math.max(nudgeEvery, nudgeShare * (performance.now() - this.heard)));
    };
    look();
  }
}
