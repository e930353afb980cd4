// Ctrl-C: the first asks the work to stop at the next safe place, the second ends the process at once.

/** Calls `stop` on the first SIGINT or SIGTERM and exits with 130 on the next. Returns how to take the handlers off. */
export function onInterrupt(stop: () => void): () => void {
  let asked = false;
  const handler = () => {
    if (asked) process.exit(130);
    asked = true;
    stop();
  };
  process.on("SIGINT", handler);
  process.on("SIGTERM", handler);
  return () => {
    process.off("SIGINT", handler);
    process.off("SIGTERM", handler);
  };
}
