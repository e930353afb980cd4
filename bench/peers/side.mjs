// The parent's handle on one library's process: starts it, asks, and ends it when it takes too long.
import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";

const worker = fileURLToPath(new URL("worker.mjs", import.meta.url));

export class Side {
  #child;
  #waiting = new Map();
  #asked = 0;
  #noise = "";

  /** @param {{ name: string, adapter?: string, env?: Record<string, string> }} options */
  constructor({ name, adapter, env = {} }) {
    this.name = name;
    this.adapter = adapter;
    this.env = env;
  }

  get running() {
    return this.#child !== undefined;
  }

  /** Starts the process and opens the library's device. Answers with version and adapter. */
  async open({ seconds = 120 } = {}) {
    const child = fork(worker, [], {
      env: { ...process.env, ...this.env },
      execArgv: ["--expose-gc"],
      serialization: "advanced",
      stdio: ["ignore", "pipe", "pipe", "ipc"],
    });
    this.#child = child;
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (data) => {
        this.#noise = (this.#noise + data).slice(-2000);
      });
    }
    child.on("message", ({ id, result, error }) => {
      const waiting = this.#waiting.get(id);
      this.#waiting.delete(id);
      if (error === undefined) waiting?.resolve(result);
      else waiting?.reject(new Error(error));
    });
    child.on("exit", (code, signal) => {
      if (this.#child !== child) return;
      this.#child = undefined;
      const said = this.#noise.trim().split("\n").at(-1);
      const end = new SideEnded(`${this.name}'s process ended (${signal ?? code})${said ? `: ${said}` : ""}`);
      for (const { reject } of this.#waiting.values()) reject(end);
      this.#waiting.clear();
    });
    const { name, adapter } = this;
    return this.ask("open", { name, adapter }, { seconds });
  }

  /** One request. @throws SideEnded where the process died or had to be ended because it took longer than `seconds` */
  ask(method, given = {}, { seconds = 300 } = {}) {
    const child = this.#child;
    if (!child) return Promise.reject(new SideEnded(`${this.name}'s process is not running`));
    const id = ++this.#asked;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#child = undefined;
        this.#waiting.clear();
        child.kill("SIGKILL");
        reject(new SideEnded(`${this.name} took more than ${seconds} s`));
      }, seconds * 1000);
      const settle = (finish) => (value) => {
        clearTimeout(timer);
        finish(value);
      };
      this.#waiting.set(id, { resolve: settle(resolve), reject: settle(reject) });
      child.send({ id, method, given });
    });
  }

  /** Ends the process. */
  async close() {
    const child = this.#child;
    if (!child) return;
    this.#child = undefined;
    const exit = new Promise((resolve) => child.once("exit", resolve));
    const timer = setTimeout(() => child.kill("SIGKILL"), 5000);
    child.send({ id: 0, method: "close", given: {} });
    await exit;
    clearTimeout(timer);
  }
}

/** The process is gone; another one can be opened. */
export class SideEnded extends Error {}
