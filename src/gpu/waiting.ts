// Waiting for the device. Some browsers look only now and then whether a device is done (Firefox every 100 ms, and at every
// submission); where that is so, empty submissions are sent for as long as somebody waits. Not here: what is waited for.

/** A queue that answers later than this is taken for one that must be nudged, in milliseconds. */
const slow = 20;
/** Milliseconds between empty submissions; browsers make about 4 of it. */
const nudgeEvery = 1;

export class Waiting {
  /** Milliseconds between the end of work on the device and JavaScript's hearing of it: the least that has been seen. */
  latency = 0;
  /** Whether empty submissions are sent. */
  nudges = false;
  /** Resolves when latency is known. Nobody needs to wait for it. */
  readonly measured: Promise<void>;
  private waiters = 0;
  private nudging = false;

  constructor(private readonly queue: GPUQueue) {
    this.measured = this.measure().catch(() => {}); // a lost device is reported by the next readback
  }

  /** Milliseconds by which two ends of work that are told to JavaScript may be closer or further apart than they were. */
  get grain(): number {
    return this.nudges ? 5 : 0.5;
  }

  /** Settles as the device's `promise` does, and makes the browser look for it. */
  async wait<T>(promise: Promise<T>): Promise<T> {
    this.waiters++;
    this.nudge();
    try {
      return await promise;
    } finally {
      this.waiters--;
    }
  }

  /** Settles when everything that was submitted so far is done. */
  done(): Promise<undefined> {
    return this.wait(this.queue.onSubmittedWorkDone());
  }

  private async measure(): Promise<void> {
    // The processor may be busy, so that a single answer proves nothing.
    let best = await this.timeQueue();
    for (let i = 0; i < 2 && best >= slow; i++) best = Math.min(best, await this.timeQueue());
    if (best >= slow) {
      this.nudges = true;
      for (let i = 0; i < 3; i++) best = Math.min(best, await this.timeQueue());
      this.nudges = best < slow; // else it is of no use
    }
    this.latency = best;
  }

  private async timeQueue(): Promise<number> {
    const start = performance.now();
    await this.done();
    return performance.now() - start;
  }

  private nudge(): void {
    if (!this.nudges || this.nudging) return;
    this.nudging = true;
    const look = () => {
      this.nudging = this.waiters > 0;
      if (!this.nudging) return;
      this.queue.submit([]);
      setTimeout(look, nudgeEvery);
    };
    look();
  }
}
