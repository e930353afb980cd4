// Who has the adapter next. What a person waits for takes turns, one at a time and in order; training works in slices and
// asks before each whether somebody waits. Nothing here knows what the work is.

/** Hands control to the browser, so that messages that have arrived are read before what follows. */
export function breathe(): Promise<void> {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(undefined);
  });
}

export class Turns {
  private last: Promise<unknown> = Promise.resolve();
  private waiting = 0;

  /** Runs `work` after everything that asked before it. Long work takes many short turns. */
  take<T>(work: () => T | Promise<T>): Promise<T> {
    this.waiting++;
    const turn = this.last.then(work);
    this.last = turn
      .catch(() => {})
      .then(() => {
        this.waiting--;
      });
    return turn;
  }

  /** Resolves when those that have asked so far are done; later ones may already wait, so that nobody starves. */
  async yield(): Promise<void> {
    if (this.waiting > 0) await this.last;
  }
}
