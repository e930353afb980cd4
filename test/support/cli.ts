// Runs the melgrad command as a person would, in a process of its own, from a fresh build of the sources.
import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { build } from "esbuild";
import { afterAll, beforeAll } from "vitest";
import { esbuildShaders } from "../../scripts/shaders.mjs";

export interface Finished {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

export interface Running {
  child: ChildProcess;
  done: Promise<Finished>;
}

export interface Options {
  env?: Record<string, string>;
  /** Bash that runs before the command, in its process. */
  shell?: string;
  /** Another copy of the built command. */
  entry?: string;
}

export interface CommandLine {
  /** A folder for the test's files, removed afterwards; also the command's working directory. */
  readonly folder: string;
  /** The built command. */
  readonly entry: string;
  start(args: readonly string[], options?: Options): Running;
  run(args: readonly string[], options?: Options): Promise<Finished>;
}

/** Builds the command before the file's tests. Call at the top of a file. */
export function useCommand(): CommandLine {
  const folder = mkdtempSync(join(tmpdir(), "melgrad-cli-"));
  // Inside node_modules, so that the build finds its packages as dist/ does.
  const built = resolve("node_modules/.cache", `melgrad-test-${process.pid}`);
  const entry = join(built, "cli.js");
  beforeAll(async () => {
    mkdirSync(built, { recursive: true });
    const common = {
      bundle: true,
      format: "esm" as const,
      platform: "node" as const,
      packages: "external" as const,
      plugins: [esbuildShaders],
      logLevel: "error" as const,
    };
    await Promise.all([
      build({ ...common, entryPoints: ["src/cli/main.ts"], outfile: entry }),
      build({
        ...common,
        entryPoints: ["src/data/decode-worker.ts"],
        outfile: join(built, "decode-worker.js"),
      }),
    ]);
  });
  afterAll(() => {
    rmSync(built, { recursive: true, force: true });
    rmSync(folder, { recursive: true, force: true });
  });
  const start: CommandLine["start"] = (args, options = {}) => {
    const { env = {}, shell } = options;
    const words = [process.execPath, options.entry ?? entry, ...args];
    const [command, ...rest] = shell ? ["bash", "-c", `${shell}; exec "$@"`, "bash", ...words] : words;
    const child = spawn(command, rest, {
      cwd: folder,
      // No test fetches a driver that it did not ask for: where there is none, the embedded adapter carries it.
      env: { ...process.env, MELGRAD_CACHE: join(folder, "cache"), MELGRAD_FETCH: "off", ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let [stdout, stderr] = ["", ""];
    child.stdout.on("data", (data) => {
      stdout += data;
    });
    child.stderr.on("data", (data) => {
      stderr += data;
    });
    const done = new Promise<Finished>((finish, fail) => {
      child.on("error", fail);
      child.on("close", (code, signal) => finish({ code, signal, stdout, stderr: withoutDawn(stderr) }));
    });
    return { child, done };
  };
  return { folder, entry, start, run: (args, options) => start(args, options).done };
}

/** Dawn prints notices about limits by itself; they are not the command's words. */
function withoutDawn(text: string): string {
  return text
    .split("\n")
    .filter((line) => !line.startsWith("Warning: max"))
    .join("\n");
}
