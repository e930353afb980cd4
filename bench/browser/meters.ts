// What a browser holds and has spent, as its own instruments tell it.
import type { Page } from "playwright-core";
import { processesFrom } from "../../scripts/processes.mjs";

/** Bytes in use of JavaScript's heap, after its garbage is gone. */
export async function heapOf(page: Page): Promise<number> {
  const session = await page.context().newCDPSession(page);
  try {
    for (let i = 0; i < 3; i++) await session.send("HeapProfiler.collectGarbage");
    return (await session.send("Runtime.getHeapUsage")).usedSize;
  } finally {
    await session.detach();
  }
}

/** Milliseconds of processor time of all the browser's processes so far: what other programs leave alone. */
export async function processorTimeOf(page: Page): Promise<number> {
  const browser = page.context().browser();
  if (!browser) throw new Error("the page has no browser");
  if (browser.browserType().name() !== "chromium") {
    const [, ...below] = processesFrom(process.pid);
    return below.reduce((total, { ms }) => total + ms, 0);
  }
  const session = await browser.newBrowserCDPSession();
  try {
    const { processInfo } = await session.send("SystemInfo.getProcessInfo");
    return 1000 * processInfo.reduce((total, { cpuTime }) => total + cpuTime, 0);
  } finally {
    await session.detach();
  }
}
