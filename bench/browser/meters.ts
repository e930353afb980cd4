// What a browser holds and has spent, as its own instruments tell it.
import { readdirSync, readFileSync } from "node:fs";
import type { Page } from "playwright-core";

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
  if (browser.browserType().name() !== "chromium") return processorTimeBelow(process.pid);
  const session = await browser.newBrowserCDPSession();
  try {
    const { processInfo } = await session.send("SystemInfo.getProcessInfo");
    return 1000 * processInfo.reduce((total, { cpuTime }) => total + cpuTime, 0);
  } finally {
    await session.detach();
  }
}

/** The same of all processes that descend from one, by Linux's /proc, whose clock ticks a hundred times a second. */
function processorTimeBelow(ancestor: number): number {
  const processes = new Map<number, { parent: number; ticks: number }>();
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    try {
      // After the program's name in brackets: state, parent, …, the ticks in user and in system mode.
      const stat = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1)?.split(" ") ?? [];
      processes.set(Number(pid), { parent: Number(stat[1]), ticks: Number(stat[11]) + Number(stat[12]) });
    } catch {
      // it has ended
    }
  }
  const descends = (pid: number): boolean => {
    const parent = processes.get(pid)?.parent;
    return parent !== undefined && (parent === ancestor || descends(parent));
  };
  return [...processes].reduce((sum, [pid, { ticks }]) => sum + (descends(pid) ? 10 * ticks : 0), 0);
}
