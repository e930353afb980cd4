// Waiting without a busy processor. Dawn's binding asks the device in every turn of the event loop whether its work is done, which keeps
// a whole core busy, and a software adapter computes on the same cores. So turns are made longer: by a share of what has been waited
// already, so that a short answer is not late. Not here: who waits (gpu/waiting.ts).

/** Turns take at most this share of the time that has been waited, and at most so many milliseconds. */
const share = 1 / 32;
const longest = 0.5;

const never = new Int32Array(new SharedArrayBuffer(4));

/** What is waited with: how many wait, and what is called when the first does. */
export interface Waited {
  /** How many wait. */
  readonly waiters: number;
  /** Whether the device is closed. */
  readonly stopped: boolean;
  /** Called when somebody waits and nobody did before. */
  began: (() => void) | undefined;
}

/** Makes the turns of the event loop longer for as long as anybody waits. Other work gets its turn in between. */
export function pauseDuring(waiting: Waited): void {
  let latest = 0;
  waiting.began = () => {
    const own = ++latest;
    const start = performance.now();
    const turn = () => {
      if (waiting.waiters === 0 || waiting.stopped || own !== latest) return;
      Atomics.wait(never, 0, 0, Math.min(longest, share * (performance.now() - start)));
      setImmediate(turn).unref();
    };
    setImmediate(turn).unref();
  };
}
