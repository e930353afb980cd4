// Opens the browser app in Chromium for tests: built into a folder of its own, on the made-up engine or with the real worker; and
// what many tests of the page do. Screenshots are kept where MELGRAD_SCREENSHOTS names a folder.
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import axe from "axe-core";
import type { Page } from "playwright-core";
import { expect } from "vitest";
import { buildWeb } from "../../../web/build.mjs";
import { type OpenedPage, openPage } from "../launch.js";

export interface Built {
  folder: string;
  remove(): void;
}

/** Builds the app; `fake` puts it on the made-up engine, `model` is the folder of a released model to begin with. */
export async function buildPage({
  fake,
  model = false,
}: {
  fake: boolean;
  model?: string | false;
}): Promise<Built> {
  const folder = mkdtempSync(join(tmpdir(), "melgrad-web-"));
  const onFake = fake ? { entry: "test/browser/page/fake-main.ts", worker: false } : {};
  await buildWeb({ folder, model, ...onFake });
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

export interface OpenedApp extends OpenedPage {
  /** Addresses that were asked for, all of them. */
  requests: string[];
}

/** Opens a built app at a width; the page is loaded anew so that everything that it asks for is seen. */
export async function openApp(built: Built, width = 1280, setup?: () => void): Promise<OpenedApp> {
  const opened = await openPage({ root: built.folder, html: "<!doctype html><title>wait</title>" });
  const requests: string[] = [];
  opened.page.on("request", (request) => requests.push(request.url()));
  await opened.page.setViewportSize({ width, height: width < 600 ? 740 : 800 });
  if (setup) await opened.page.addInitScript(setup);
  await opened.page.goto(new URL("index.html", opened.url).href);
  return { ...opened, requests };
}

/** No rule of WCAG 2.2 A and AA or of good practice that axe-core knows is broken. */
export async function expectAccessible(page: Page, what: string): Promise<void> {
  await page.evaluate(axe.source);
  const found = await page.evaluate(async () => {
    const { axe } = globalThis as unknown as { axe: typeof import("axe-core") };
    const { violations } = await axe.run(document, { resultTypes: ["violations"] });
    return violations.map(({ id, help, nodes }) => ({
      id,
      help,
      nodes: nodes.map(({ html, failureSummary }) => `${html.slice(0, 160)} ${failureSummary}`),
    }));
  });
  expect(found, what).toEqual([]);
}

/** Nothing is wider than the screen. */
export async function expectNoSidewaysScrolling(page: Page): Promise<void> {
  const [needed, there] = await page.evaluate(() => [
    document.documentElement.scrollWidth,
    window.innerWidth,
  ]);
  expect(needed).toBeLessThanOrEqual(there);
}

export async function screenshot(page: Page, name: string): Promise<void> {
  const folder = process.env.MELGRAD_SCREENSHOTS;
  if (!folder) return;
  mkdirSync(folder, { recursive: true });
  await page.screenshot({ path: join(folder, `${name}.png`), timeout: 120_000 });
}

/**
 * Writes `text` into a field in place of what is there, as a person does. Not Playwright's fill(): with Firefox ESR 153 it writes into a field
 * of numbers beside the old digits, so that 4 in place of 8 is 84.
 */
export async function write(page: Page, label: string, text: string): Promise<void> {
  const field = page.getByLabel(label, { exact: true });
  await field.focus();
  await field.evaluate((input) => (input as HTMLInputElement).select());
  await page.keyboard.type(text);
  const written = await field.inputValue();
  if (written !== text) throw new Error(`${label} is ${written} and not ${text}.`);
}

/** Brings a section to the top of the screen and lets it draw. */
export async function lookAt(page: Page, id: string): Promise<void> {
  await page.evaluate((section) => {
    document.getElementById(section)?.scrollIntoView({ behavior: "instant", block: "start" });
  }, id);
  await page.waitForTimeout(250);
}

/** Bright pixels, dark pixels and their number, in a canvas. */
export async function pixelsOf(page: Page, selector: string): Promise<{ colours: number; filled: number }> {
  return page.$eval(selector, (element) => {
    const canvas = element as HTMLCanvasElement;
    const data = canvas.getContext("2d")?.getImageData(0, 0, canvas.width, canvas.height).data ?? [];
    const colours = new Set<number>();
    let filled = 0;
    for (let i = 0; i < data.length; i += 4) {
      if (data[i + 3] === 0) continue;
      filled++;
      colours.add((data[i] << 16) | (data[i + 1] << 8) | data[i + 2]);
    }
    return { colours: colours.size, filled: (4 * filled) / data.length };
  });
}
