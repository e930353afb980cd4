// Ctrl-C and SIGTERM: the first asks the work to stop at the next safe place, the second ends the process at once.

export type StopSignal = "SIGINT" | "SIGTERM";

/** Calls `stop` on the first SIGINT or SIGTERM and exits with 130 on the next. Returns how to take the handlers off. */
export function onInterrupt(stop: (signal: StopSignal) => void): () => void {
  let asked = false;
  const handler = (signal: NodeJS.Signals) => {
    if (asked) process.exit(130);
    asked = true;
    stop(signal as StopSignal);
  };
  process.on("SIGINT", handler);
  process.on("SIGTERM", handler);
  return () => {
    process.off("SIGINT", handler);
    process.off("SIGTERM", handler);
  };
}

/**
 * The line that a scheduler's script can look for, on stdout, when SIGTERM has ended a run that can go on; such a run exits
 * with 0, and a finished one prints no such line.
 */
export function requeueLine(where: string, out: string): string {
  return `requeue: stopped by SIGTERM ${where}; the same command with --resume --out ${out} goes on`;
}
