// The app's worker on a bare page: built, served and driven through its client, for the tests beside it. No view is loaded.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type BuildOptions, build } from "esbuild";
import type { Page } from "playwright-core";
import { esbuildShaders } from "../../scripts/shaders.mjs";
import type { Engine } from "../../web/app.js";
import { layModel } from "../../web/build.mjs";
import type { Calls, Events } from "../../web/protocol.js";
import { type OpenedPage, openPage } from "./launch.js";

/** What the page has beside the client. */
export interface WorkerPage {
  engine: Engine;
  converse(worker: Worker): Engine;
  events: { name: keyof Events; value: unknown; at: number }[];
  fileOf(name: string, bytes: number[] | Uint8Array): File;
}

const entry = `
  import { connect, converse } from "./web/client.ts";
  const engine = connect();
  const events = [];
  const names = ["clip", "training", "step", "heldOut", "progress", "saved", "lost", "recovered", "problem"];
  for (const name of names) engine.on(name, (value) => events.push({ name, value, at: performance.now() }));
  Object.assign(globalThis, { engine, events, converse, fileOf: (name, bytes) => new File([new Uint8Array(bytes)], name) });
  document.title = "ready";
`;

/** Builds client and worker, with the folder of a released model where one is to lie beside them, and opens a page with them. Close it with the returned function. */
export async function openWorkerPage(
  model?: string,
): Promise<OpenedPage & { requests: string[]; folder: string }> {
  const folder = await mkdtemp(join(tmpdir(), "melgrad-worker-"));
  const common: BuildOptions = {
    bundle: true,
    format: "esm",
    target: "es2022",
    platform: "browser",
    plugins: [esbuildShaders],
    external: ["@wasm-audio-decoders/opus-ml"], // an option of the Opus decoder that is not used, 4 MB
    logLevel: "error",
  };
  await build({
    ...common,
    stdin: { contents: entry, resolveDir: ".", loader: "ts" },
    outfile: join(folder, "main.js"),
  });
  await build({
    ...common,
    define: model ? { RELEASED_MODEL: JSON.stringify(layModel(model, folder)) } : {},
    entryPoints: ["web/worker/main.ts"],
    outfile: join(folder, "worker/main.js"),
  });
  const opened = await openPage({
    html: '<!doctype html><meta charset=utf-8><title>loading</title><script type=module src="/main.js"></script>',
    files: {
      "/main.js": { file: join(folder, "main.js") },
      "/worker/main.js": { file: join(folder, "worker/main.js") },
      "/model/config.json": { file: join(folder, "model/config.json") },
      "/model/model.safetensors": { file: join(folder, "model/model.safetensors") },
    },
  });
  opened.page.setDefaultTimeout(120_000); // machines that test are often busy
  const requests: string[] = [];
  opened.page.context().on("request", (request) => requests.push(request.url()));
  await ready(opened.page);
  return {
    ...opened,
    requests,
    folder,
    async close() {
      await opened.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Waits until the page's script has run. */
export async function ready(page: Page): Promise<void> {
  await page.waitForFunction(() => document.title === "ready");
}

/** A call whose answer is plain enough to leave the page: typed arrays become arrays. */
export async function call<K extends keyof Calls>(
  page: Page,
  name: K,
  ...args: Parameters<Calls[K]>
): Promise<ReturnType<Calls[K]>> {
  return page.evaluate(
    async ({ name, args }) => {
      const { engine } = globalThis as unknown as WorkerPage;
      return (await engine.call(name, ...(args as never))) as never;
    },
    { name, args } as { name: K; args: Parameters<Calls[K]> },
  );
}
