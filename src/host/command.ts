// Runs one outside program (apt-get, dpkg, npm, python3) with its output captured, a limit on how long it may show no sign
// of life, and an AbortSignal. It knows nothing of what the programs do.

import { spawn } from "node:child_process";

/** The program is not there, failed, or stood still. `output` holds the end of what it printed. */
export class CommandError extends Error {
  override name = "CommandError";
  constructor(
    message: string,
    readonly kind: "missing" | "failed" | "stalled",
    readonly output: string,
  ) {
    super(message);
  }
}

export interface CommandOptions {
  cwd?: string;
  env?: NodeJS.ProcessEnv;
  signal?: AbortSignal;
  /** Give up when neither output nor `pulse()` has changed for so long, in ms (default 15 000). */
  stallMs?: number;
  /** A number that changes while work goes on (bytes on disk, say); asked for every 250 ms. */
  pulse?: () => Promise<number>;
}

/** Runs a program to its end and returns what it printed to stdout. Rejects with CommandError, or with the signal's reason. */
export function runCommand(program: string, args: string[], options: CommandOptions = {}): Promise<string> {
  const { cwd, env, signal, stallMs = 15_000, pulse } = options;
  return new Promise((done, fail) => {
    if (signal?.aborted) return fail(signal.reason);
    const viaShell = process.platform === "win32"; // npm is a .cmd file there
    const child = spawn(program, args, { cwd, env, shell: viaShell, stdio: ["ignore", "pipe", "pipe"] });
    let stdout = "";
    let stderr = "";
    let lastSign = performance.now();
    let lastPulse = -1;
    let stalled = false;
    child.stdout.on("data", (data: Buffer) => {
      stdout += data;
      lastSign = performance.now();
    });
    child.stderr.on("data", (data: Buffer) => {
      stderr = (stderr + data).slice(-20_000);
      lastSign = performance.now();
    });
    const timer = setInterval(async () => {
      const now = pulse ? await pulse().catch(() => lastPulse) : lastPulse;
      if (now !== lastPulse) {
        lastPulse = now;
        lastSign = performance.now();
      }
      if (performance.now() - lastSign > stallMs) {
        stalled = true;
        child.kill("SIGKILL");
      }
    }, 250);
    const onAbort = () => child.kill("SIGTERM");
    signal?.addEventListener("abort", onAbort, { once: true });
    const settle = (finish: () => void) => {
      clearInterval(timer);
      signal?.removeEventListener("abort", onAbort);
      finish();
    };
    child.once("error", (error: NodeJS.ErrnoException) =>
      settle(() =>
        fail(
          error.code === "ENOENT" || error.code === "EACCES"
            ? new CommandError(`there is no ${program} on this machine`, "missing", "")
            : error,
        ),
      ),
    );
    child.once("close", (code) =>
      settle(() => {
        const output = `${stdout.slice(-4000)}\n${stderr}`.trim();
        if (signal?.aborted) fail(signal.reason);
        else if (stalled)
          fail(new CommandError(`${program} made no progress for ${stallMs / 1000} s`, "stalled", output));
        else if (code !== 0) fail(new CommandError(`${program} ended with code ${code}`, "failed", output));
        else done(stdout);
      }),
    );
  });
}
