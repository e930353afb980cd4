// Progress on stderr: one moving bar on a terminal, a line every few seconds elsewhere (a log file, CI). Results are not
// progress; they go to stdout.
import { SingleBar } from "cli-progress";
import type { OnProgress } from "../data/types.js";
import type { LogLine } from "../train/run-folder.js";

export interface ProgressDisplay {
  note(text: string): void;
  progress: OnProgress;
  step(line: LogLine, steps: number): void;
  stop(): void;
}

/** "1:05" or "2:03:04". */
export function clock(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const two = (value: number) => String(value % 60).padStart(2, "0");
  const minutes = Math.floor(whole / 60);
  return minutes < 60
    ? `${minutes}:${two(whole)}`
    : `${Math.floor(minutes / 60)}:${two(minutes)}:${two(whole)}`;
}

/** "12.3/39.0 MB" for bytes (unit "B"), "3/10 tracks" for the rest. */
function amount(done: number, total: number, unit: string): string {
  const bytes = unit === "B";
  const show = (value: number) => (bytes ? (value / 1e6).toFixed(1) : String(Math.round(value)));
  return `${show(done)}${total > 0 ? `/${show(total)}` : ""} ${bytes ? "MB" : unit}`;
}

/** Loss, speed and time left of a training step. */
function stepText(line: LogLine, steps: number, msPerStep: number): string {
  const left = clock(((steps - line.step) * msPerStep) / 1000);
  const loss = line.loss === undefined || line.skipped ? "not finite, skipped" : line.loss.toFixed(3);
  return `loss ${loss} · ${line.clipsPerSecond.toFixed(1)} clips/s · ${left} left`;
}

/** A display for `stream`; `quiet` shows notes only. */
export function openProgress(stream: NodeJS.WriteStream = process.stderr, quiet = false): ProgressDisplay {
  const terminal = stream.isTTY === true && !quiet;
  let bar: SingleBar | undefined;
  let task = "";
  let spoke = 0;
  let msPerStep = 0;

  const stop = () => {
    bar?.stop();
    bar = undefined;
    task = "";
  };
  const show = (what: string, done: number, total: number, text: string, last: boolean) => {
    if (quiet) return;
    if (terminal) {
      if (what !== task) {
        stop();
        bar = new SingleBar({ format: "{what} {bar} {text}", barsize: 24, hideCursor: true, stream, fps: 8 });
        bar.start(Math.max(total, 1), done, { what, text });
        task = what;
      }
      bar?.setTotal(Math.max(total, 1));
      bar?.update(done, { what, text });
      if (last) stop();
      return;
    }
    const now = performance.now();
    if (what === task && now - spoke < 5000 && !last) return;
    task = last ? "" : what;
    spoke = now;
    stream.write(`${what}: ${text}\n`);
  };

  return {
    note(text) {
      stop();
      stream.write(`${text}\n`);
    },
    progress({ what, done, total, unit = "", detail }) {
      const text = `${amount(done, total, unit)}${detail ? ` · ${detail}` : ""}`;
      show(what, done, total, text, total > 0 && done >= total);
    },
    step(line, steps) {
      msPerStep = msPerStep === 0 ? line.stepMs : 0.9 * msPerStep + 0.1 * line.stepMs;
      const text = `step ${line.step}/${steps} · ${stepText(line, steps, msPerStep)}`;
      show("training", line.step, steps, text, line.step === steps);
    },
    stop,
  };
}
