// How busy the device was kept: the share of the time during which at least one submitted batch was not finished, from the first
// submission to the last finish. A finish is seen when its readback resolves, which is the device's time plus what this thread was
// doing meanwhile. Nothing is timed on the device itself.

export class BusyMeter {
  private open = 0;
  private since = 0;
  private first = Number.NaN;
  private last = Number.NaN;
  private busy = 0;

  constructor(private readonly now: () => number = () => performance.now()) {}

  /** A batch was submitted. */
  begin(): void {
    const now = this.now();
    if (Number.isNaN(this.first)) this.first = now;
    if (this.open++ === 0) this.since = now;
  }

  /** A batch was finished. */
  end(): void {
    const now = this.now();
    this.last = now;
    if (--this.open === 0) this.busy += now - this.since;
  }

  /** Milliseconds from the first submission to the last finish, or to now while batches are open. */
  get elapsedMs(): number {
    if (Number.isNaN(this.first)) return 0;
    return (this.open > 0 ? this.now() : this.last) - this.first;
  }

  get busyMs(): number {
    return this.busy + (this.open > 0 ? this.now() - this.since : 0);
  }

  /** From 0 to 1; NaN before anything was submitted. */
  get share(): number {
    return this.busyMs / this.elapsedMs;
  }
}
