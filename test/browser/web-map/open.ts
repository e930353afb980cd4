// Opens the test page of the map's views in Chromium: built as the real page is, with its style and its content security policy.
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { decode } from "fast-png";
import type { Page } from "playwright-core";
import { buildWeb } from "../../../web/build.mjs";
import { type OpenedPage, openPage } from "../launch.js";
import type { Bench } from "./page.js";

declare global {
  /** In the page. */
  var bench: Bench;
}

let folder: string | undefined;

/** Builds the page once; `removeBuild` deletes it. */
export async function buildPage(): Promise<void> {
  folder = await mkdtemp(join(tmpdir(), "melgrad-map-"));
  await buildWeb({
    folder: join(folder, "web"),
    entry: "test/browser/web-map/page.ts",
    worker: false,
    model: false,
  });
}

export async function removeBuild(): Promise<void> {
  if (folder) await rm(folder, { recursive: true, force: true });
}

export interface BenchPage extends OpenedPage {
  /** Keeps a picture where MELGRAD_SHOTS names a folder. */
  shot(name: string): Promise<void>;
}

export interface BenchOptions {
  /** A script that runs before the page's own. */
  head?: string;
  dark?: boolean;
  /** Less motion is wanted. */
  calm?: boolean;
}

export async function openBench(
  size = { width: 1280, height: 900 },
  options: BenchOptions = {},
): Promise<BenchPage> {
  const index = await readFile("web/index.html", "utf8");
  const policy = /<meta\s+http-equiv="Content-Security-Policy"[^>]*>/.exec(index)?.[0];
  if (!policy) throw new Error("web/index.html has no content security policy");
  const opened = await openPage({
    root: join(folder!, "web"),
    files: { "/head.js": options.head ?? "" },
    html: `<!doctype html><html lang="en"><meta charset="utf-8">${policy}<title>loading</title>
      <meta name="viewport" content="width=device-width, initial-scale=1">
      <link rel="stylesheet" href="style.css"><script src="head.js"></script><script type="module" src="main.js"></script>
      <div class="layout"><aside></aside><main><h1>The map's views</h1></main></div></html>`,
  });
  const { page } = opened;
  await page.setViewportSize(size);
  await page.emulateMedia({
    colorScheme: options.dark ? "dark" : "light",
    reducedMotion: options.calm ? "reduce" : "no-preference",
  });
  await page.waitForFunction(() => document.title === "ready");
  return {
    ...opened,
    async shot(name) {
      const shots = process.env.MELGRAD_SHOTS;
      if (shots) await page.screenshot({ path: join(shots, `${name}.png`), fullPage: true });
    },
  };
}

/** Waits until what was asked for is on the screen. */
export async function drawn(page: Page): Promise<void> {
  await page.waitForSelector(".map-stage[data-renderer]");
  await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
  await page.waitForTimeout(150);
}

export interface MapOptions extends BenchOptions {
  /** [clips · windows, 3], clip after clip. */
  positions: readonly number[];
  clips: number;
  windows: number;
  labels?: (string | undefined)[];
  size?: { width: number; height: number };
}

/** The map view with points, drawn; neighbours are the second windows of the first other clips. */
export async function openMap({ positions, clips, windows, labels = [], size, ...options }: MapOptions) {
  const opened = await openBench(size, options);
  const { page } = opened;
  await page.evaluate(
    ({ positions, clips, windows, labels }) => {
      bench.clips(clips, windows, labels);
      bench.answers.map = () => bench.mapOf(positions);
      bench.answers.neighbours = bench.someNeighbours;
      bench.mount("map");
    },
    { positions, clips, windows, labels },
  );
  await page.locator(".map-tools button").click(); // or it has drawn itself meanwhile
  await page.waitForSelector("text=/windows of/");
  await drawn(page);
  const stage = page.locator(".map-stage");
  await stage.scrollIntoViewIfNeeded();
  const box = await stage.boundingBox();
  if (!box) throw new Error("the map has no size");
  return { ...opened, box };
}

export interface Pixels {
  width: number;
  height: number;
  /** Red, green, blue at a pixel. */
  at(x: number, y: number): [number, number, number];
}

/** What an element looks like on the screen. */
export async function pixelsOf(page: Page, selector: string): Promise<Pixels> {
  const { data, width, height, channels } = decode(await page.locator(selector).screenshot());
  return {
    width,
    height,
    at(x, y) {
      const i = channels * (Math.round(y) * width + Math.round(x));
      return [data[i], data[i + 1], data[i + 2]];
    },
  };
}

/** Share of the pixels that differ clearly. */
export function difference(a: Pixels, b: Pixels): number {
  let changed = 0;
  for (let y = 0; y < a.height; y++) {
    for (let x = 0; x < a.width; x++) {
      const [p, q] = [a.at(x, y), b.at(x, y)];
      if (Math.max(...p.map((value, i) => Math.abs(value - q[i]))) > 24) changed++;
    }
  }
  return changed / (a.width * a.height);
}
