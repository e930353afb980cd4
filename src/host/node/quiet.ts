// Keeps off the terminal what Dawn prints by itself while it looks at adapters. It writes straight to the C library's stderr; none
// of its options, toggles or callbacks reaches that. So the stream of the process goes to a file for the length of one synchronous
// call, and all but the lines known here is written on to where it belongs. Nothing that is said outside of such a call is touched.
import {
  closeSync,
  constants,
  fstatSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isatty } from "node:tty";

const stderr = 2;

/**
 * What Dawn prints and nobody can act upon: it takes 16 dynamic buffers of a driver that offers more, and passes over a driver
 * too old for it (which NoAdapterError says where no other is found).
 */
const known = [
  /^Warning: maxDynamic\w+ artificially reduced from .*\n?/gm,
  /^Warning: Vulkan \S+ required\.\n(?: +- While .*\n?)*/gm,
];

/** `text` without what is known to be of no use. */
export function withoutKnown(text: string): string {
  return known.reduce((rest, pattern) => rest.replace(pattern, ""), text);
}

/**
 * Runs a task without Dawn's known warnings during its synchronous part. Where the stream cannot safely be set aside (it is a file
 * that is not appended to, whose place it shares with others, or a socket; another system than Linux; files or threads that stay at work and might take its
 * number) it just runs.
 */
export async function quietly<T>(task: () => T): Promise<T> {
  const possible = canSetAside();
  for (let waits = 0; possible && waits < 30 && opensFiles(); waits++)
    await new Promise((done) => setTimeout(done, 10));
  const stream = possible && !opensFiles() ? setAside() : undefined;
  try {
    return task();
  } finally {
    stream?.restore();
  }
}

/** Whether the stream is one that can be opened a second time by its name without harm. */
function canSetAside(): boolean {
  if (process.platform !== "linux") return false;
  try {
    const standard = [0, 1].every((fd) => fstatSync(fd)); // so that 2 is the lowest free number
    return standard && (isatty(stderr) || fstatSync(stderr).isFIFO() || isAppendedTo(stderr));
  } catch {
    return false;
  }
}

/** A file that was opened by `2>>`: whoever writes to it does so at its end, also by a stream that was opened anew. */
function isAppendedTo(fd: number): boolean {
  if (!fstatSync(fd).isFile()) return false;
  const flags = /^flags:\s*0?([0-7]+)/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, "utf8"))?.[1] ?? "";
  return (Number.parseInt(flags, 8) & constants.O_APPEND) !== 0;
}

/** Whether anything of this process may open a file in the meantime. */
function opensFiles(): boolean {
  return process
    .getActiveResourcesInfo()
    .some((name) =>
      /^(FS|Worker|MessagePort|Process|GetAddrInfo|GetNameInfo|TCP|TLS|Zlib|Brotli)/.test(name),
    );
}

function setAside(): { restore(): void } | undefined {
  let folder: string | undefined;
  try {
    folder = mkdtempSync(join(tmpdir(), "melgrad-stderr-"));
    const path = join(folder, "said");
    const original = openSync(`/proc/self/fd/${stderr}`, "a");
    const file = openSync(path, "a");
    const made = folder;
    reopen(file);
    return {
      restore() {
        reopen(original);
        closeSync(file);
        closeSync(original);
        const rest = withoutKnown(readFileSync(path, "utf8"));
        rmSync(made, { recursive: true, force: true });
        if (rest !== "") writeSync(stderr, rest);
      },
    };
  } catch {
    if (folder) rmSync(folder, { recursive: true, force: true });
    return undefined;
  }
}

/** Puts what `from` leads to in the place of stderr. The lowest free number is the one that was closed just before. */
function reopen(from: number): void {
  closeSync(stderr);
  openSync(`/proc/self/fd/${from}`, "a");
}
