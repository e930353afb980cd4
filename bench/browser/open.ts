// Opens the page's side in the Chromium of the tests.
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { bundleShaders } from "../../scripts/shaders.mjs";
import { type OpenedPage, openPage } from "../../test/browser/launch.js";
import type * as Page from "./page.js";

/** In the page; for use inside `page.evaluate` alone. */
declare global {
  var trainingPage: typeof Page;
}

/** A page with `trainingPage`. `root`: the repository's folder. */
export async function openTrainingPage(root: string): Promise<OpenedPage> {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL("bench/browser/page.ts", `file://${root}/`))],
    bundle: true,
    write: false,
    platform: "browser",
    format: "esm",
    target: "es2022",
    minify: true,
    plugins: [bundleShaders({ minify: true, without: ["bench/"] })],
    logLevel: "error",
  });
  const opened = await openPage({
    html: `<!doctype html><meta charset=utf-8><script type="module">
      import * as trainingPage from "/page.js";
      globalThis.trainingPage = trainingPage;
      document.title = "ready";
    </script>`,
    files: { "/page.js": outputFiles[0].text },
  });
  await opened.page.waitForFunction(() => document.title === "ready");
  return opened;
}
