// What WebGPU reports after the fact: shaders that do not compile, memory that is not there, a device that is lost. Reports are
// gathered here and thrown at the next wait. Not here: the error types (errors.ts).
import { DeviceLostError, MelgradError, OutOfMemoryError, ShaderError } from "./errors.js";

/** Errors that WebGPU reported since the last wait, the first of which the next wait throws. */
export class Failures {
  private first: Error | undefined;
  private uncaptured: Error | undefined;
  private pending: Promise<unknown>[] = [];
  private settling: Promise<unknown> = Promise.resolve();
  private closed = false;

  constructor(gpu: GPUDevice) {
    gpu.lost.then((info) => {
      if (!this.closed) this.fail(new DeviceLostError(lostMessage(info)));
    });
    gpu.addEventListener("uncapturederror", (event) => {
      // Often the consequence of a failure that is being described more precisely: that one goes first (settle).
      event.preventDefault();
      const { error } = event as GPUUncapturedErrorEvent;
      if (isShortage(error))
        this.fail(new OutOfMemoryError(`The adapter has no memory left: ${error.message}`));
      else this.uncaptured ??= new ShaderError(error.message);
    });
  }

  /** Throws if the device has failed. */
  check(): void {
    if (this.first) throw this.first;
  }

  /** An error that will be known later; null for none. */
  watch(error: Promise<Error | null>): void {
    this.pending.push(
      error.then(
        (found) => found && this.fail(found),
        (reason) => this.fail(new MelgradError(String(reason))),
      ),
    );
  }

  /** Waits for all that is watched and throws the first failure. */
  async settle(): Promise<void> {
    // Readbacks that are under way at once wait for the same reports, so that each throws the most precise one.
    do {
      const pending = this.pending;
      this.pending = [];
      const own: Promise<unknown> = Promise.all([this.settling, ...pending]);
      this.settling = own;
      await own;
      // Else each would hold the results of the one before, for as long as the device is used.
      if (this.settling === own) this.settling = Promise.resolve();
    } while (this.pending.length > 0);
    if (this.uncaptured) this.fail(this.uncaptured);
    this.check();
  }

  /** Waits for what is under way and forgets its failures, unless the device is lost. */
  async forgive(): Promise<void> {
    await Promise.allSettled([this.settling, ...this.pending]);
    if (this.first instanceof DeviceLostError) return;
    this.first = undefined;
    this.uncaptured = undefined;
    this.pending = [];
  }

  /** The device is about to be destroyed on purpose: using it later is a failure, its end is none. */
  close(): void {
    this.closed = true;
    this.fail(new DeviceLostError("This device has been closed."));
  }

  private fail(error: Error): void {
    this.first ??= error;
  }
}

/** Small buffers are made without an error scope. */
function isShortage(error: GPUError): boolean {
  return error.constructor.name === "GPUOutOfMemoryError";
}

function lostMessage(info: GPUDeviceLostInfo): string {
  const detail = info.message ? ` (${info.message})` : "";
  return `The adapter lost its device${detail}. Training goes on from the last checkpoint with --resume.`;
}
