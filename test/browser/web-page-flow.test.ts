// The whole page with its real worker on the software adapter: demo music, spectrogram, training with falling loss, patches and attention
// while it trains, playing at the screen's rate, a map, a probe, a reload that takes up where it was, and nothing asked of another origin.
import { afterAll, beforeAll, expect, test } from "vitest";
import { closeBrowser } from "./launch.js";
import {
  type Built,
  buildPage,
  expectAccessible,
  lookAt,
  openApp,
  pixelsOf,
  screenshot,
  write,
} from "./page/open.js";

let built: Built;
beforeAll(async () => {
  built = await buildPage({ fake: false });
});
afterAll(async () => {
  await closeBrowser();
  built?.remove();
});

test("demo music to a trained model, through a reload", { timeout: 1_200_000 }, async () => {
  const { page, url, errors, requests, close } = await openApp(built);
  const wait = { timeout: 300_000, interval: 50 }; // the machine may be busy
  page.setDefaultTimeout(120_000);
  const start = performance.now();
  await page.waitForSelector("#status[data-adapter=open]");
  const times: Record<string, number> = { open: performance.now() - start };
  const pressed = performance.now();
  await page.getByRole("button", { name: "Load demo music" }).click();
  await page.waitForSelector(".player-stage[data-ready]");
  times.spectrogram = performance.now() - pressed;
  await page.waitForSelector(".clips li:nth-child(8)");
  const { colours } = await pixelsOf(page, ".player-stage canvas");
  expect(colours).toBeGreaterThan(500);

  await write(page, "Steps", "24");
  await write(page, "Batch", "4");
  const trained = performance.now();
  await page.getByRole("button", { name: "Start", exact: true }).click();
  await lookAt(page, "train");
  const points = () =>
    page.$eval("#losses .view", (view) => Number((view as HTMLElement).dataset.points ?? 0));
  await expect.poll(points, wait).toBeGreaterThan(0);
  times.firstStep = performance.now() - trained;

  // While it trains: patches are filled, attention answers, the page answers clicks, sound plays with its playhead.
  await lookAt(page, "patches");
  await page.waitForSelector("#patches .view[data-step]");
  await screenshot(page, "flow-patches");
  await lookAt(page, "attention");
  await page.waitForSelector("#attention .view[data-patch]");
  await expect
    .poll(() => page.locator("#attention-says").textContent(), wait)
    .toMatch(/^The patch at [\d.]+ s, .*times an even share\.$/);
  await screenshot(page, "flow-attention");
  await lookAt(page, "listen");
  await page.getByRole("button", { name: "Play", exact: true }).click();
  const frames = await page.evaluate(async () => {
    const stage = document.querySelector<HTMLElement>(".player-stage");
    const seen: { at: number; position: number }[] = [];
    const end = performance.now() + 2000;
    while (performance.now() < end) {
      const at = await new Promise<number>((done) => requestAnimationFrame(done));
      seen.push({ at, position: Number(stage?.dataset.position) });
    }
    return seen;
  });
  const moved = frames[frames.length - 1].position - frames[0].position;
  const gaps = frames.slice(1).map(({ at }, i) => at - frames[i].at);
  gaps.sort((a, b) => a - b);
  times.frames = frames.length / 2;
  times.frameGap95 = gaps[Math.floor(0.95 * gaps.length)];
  expect(moved).toBeGreaterThan(1);
  await screenshot(page, "flow-playing");
  await page.getByRole("button", { name: "Pause", exact: true }).first().click();

  await lookAt(page, "train");
  await page.getByRole("button", { name: "Train on" }).waitFor({ timeout: 600_000 });
  await expect.poll(points).toBe(24);
  const label = await page.locator(".chart svg").first().getAttribute("aria-label");
  const [, first, last] = /training ([\d.]+) at step 1, ([\d.]+) at step 24/.exec(label ?? "") ?? [];
  expect(Number(last)).toBeLessThan(Number(first));
  await screenshot(page, "flow-trained");
  await expectAccessible(page, "trained");

  // What the model has learnt: a map of every window, and a probe on clips that are given two classes.
  await lookAt(page, "map");
  await page.getByRole("button", { name: "Draw the map" }).click();
  await page.getByText(/^\d{2,} windows of 8 clips, by the model of step 24\./).waitFor();
  await lookAt(page, "finetune");
  for (const name of ["low", "high"]) {
    await page.getByLabel("Name of a class").fill(name);
    await page.keyboard.press("Enter");
  }
  for (let clip = 0; clip < 4; clip++) {
    const row = page.locator(".finetune-table tbody tr").nth(clip);
    await row.getByRole("button", { name: clip % 2 ? "high" : "low", exact: true }).click();
    await row.locator("button[aria-pressed=true]").waitFor();
  }
  await page.getByRole("button", { name: "Train probe" }).click();
  await page.locator(".finetune-score").waitFor();
  expect(await page.locator(".finetune-score").textContent()).toMatch(
    /^\d+ % of the held-out windows right$/,
  );
  await screenshot(page, "flow-probe");

  console.log(
    JSON.stringify(times, (_key, value) => (typeof value === "number" ? Math.round(value) : value)),
  );

  await page.goto(new URL("index.html", url).href);
  await page.waitForSelector("#status[data-adapter=open]");
  await expect.poll(() => page.locator(".clips li").count(), wait).toBe(8);
  await expect.poll(() => page.locator("#status").textContent(), wait).toMatch(/step 24/);
  await page.waitForSelector(".player-stage[data-ready]");
  await screenshot(page, "flow-reloaded");
  console.log(
    JSON.stringify(times, (_key, value) => (typeof value === "number" ? Math.round(value) : value)),
  );
  await close();
  expect(errors).toEqual([]);
  expect(requests.filter((each) => !each.startsWith(url) && !each.startsWith("blob:"))).toEqual([]);
});
