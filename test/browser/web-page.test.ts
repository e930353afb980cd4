// The page of the browser app in Chromium, on an engine that answers at once: every view and control, at 1280 and 360 px, for keyboards
// and screen readers too, and what it says when something is wrong.
import { afterAll, beforeAll, expect, test } from "vitest";
import type { App } from "../../web/app.js";
import { closeBrowser } from "./launch.js";
import {
  type Built,
  buildPage,
  expectAccessible,
  expectNoSidewaysScrolling,
  lookAt,
  openApp,
  pixelsOf,
  screenshot,
  write,
} from "./page/open.js";

declare const app: App;

/** Asked again until it holds; the machine may be busy. */
const soon = <T>(ask: () => T | Promise<T>) => expect.poll(ask, { timeout: 15_000 });

let built: Built;
beforeAll(async () => {
  built = await buildPage({ fake: true });
});
afterAll(async () => {
  await closeBrowser();
  built?.remove();
});

for (const width of [1280, 360]) {
  test(`every view at ${width} px: nothing sticks out, axe-core finds nothing, light and dark`, async () => {
    const { page, errors, close } = await openApp(built, width);
    await page.waitForSelector("#status[data-adapter=open]");
    await expectAccessible(page, "empty");
    await expectNoSidewaysScrolling(page);
    await screenshot(page, `empty-${width}`);

    await page.getByRole("button", { name: "Load demo music" }).click();
    await page.waitForSelector(".clips li:nth-child(8)");
    await page.waitForSelector(".player-stage[data-ready]");
    await expectAccessible(page, "with clips");
    await screenshot(page, `clips-${width}`);

    await page.getByRole("button", { name: "Start", exact: true }).click();
    await page.waitForFunction(() => app.training.value.step >= 60);
    for (const section of ["library", "listen", "train", "patches", "attention", "map", "neighbours"]) {
      await lookAt(page, section);
      await expectNoSidewaysScrolling(page);
      await screenshot(page, `${section}-${width}`);
    }
    for (const section of ["finetune", "microphone"]) {
      await lookAt(page, section);
      await expectNoSidewaysScrolling(page);
      await screenshot(page, `${section}-${width}`);
    }
    await expectAccessible(page, "training");
    await page.emulateMedia({ colorScheme: "dark" });
    await expectAccessible(page, "dark");
    await lookAt(page, "train");
    await screenshot(page, `dark-${width}`);
    await close();
    expect(errors).toEqual([]);
  });
}

test("music comes by files, plays with the playhead on the audio clock, is labelled and removed", async () => {
  const { page, errors, close } = await openApp(built);
  await page.waitForSelector("#status[data-adapter=open]");
  await page.getByLabel("Audio files", { exact: true }).setInputFiles([
    { name: "one.wav", mimeType: "audio/wav", buffer: Buffer.from("x") },
    { name: "broken.flac", mimeType: "audio/flac", buffer: Buffer.from("x") },
    { name: "two.mp3", mimeType: "audio/mpeg", buffer: Buffer.from("x") },
  ]);
  await page.waitForSelector(".clips li:nth-child(2)");
  expect(await page.locator(".refused li").allTextContents()).toEqual([
    "broken.flac: truncated: 12 of 17640 samples are there",
  ]);
  expect(await page.locator("#alerts .notice p").allTextContents()).toEqual([
    "broken.flac: truncated: 12 of 17640 samples are there",
  ]);
  await screenshot(page, "refused");
  await expectAccessible(page, "refused files");
  await page.getByRole("button", { name: "Dismiss" }).click();

  await page.getByRole("button", { name: "Play two.mp3", exact: true }).click();
  await page.waitForSelector(".player-stage[data-ready='file-1']");
  const position = () =>
    page.$eval(".player-stage", (stage) => Number((stage as HTMLElement).dataset.position));
  await page.waitForFunction(
    () => Number(document.querySelector<HTMLElement>(".player-stage")?.dataset.position) > 0.2,
  );
  const [at, clock] = await page.evaluate(() => [app.position(), performance.now()]);
  await page.waitForTimeout(600);
  const [later, clockLater] = await page.evaluate(() => [app.position(), performance.now()]);
  expect(later - at).toBeGreaterThan(0.3);
  expect(Math.abs(later - at - (clockLater - clock) / 1000)).toBeLessThan(0.2);
  expect(await position()).toBeGreaterThan(at);
  const picture = await pixelsOf(page, ".player-stage canvas");
  expect(picture.colours).toBeGreaterThan(100);
  expect(picture.filled).toBeGreaterThan(0.7);

  // Keys: space pauses, arrows and Home seek, + zooms.
  const slider = page.getByRole("slider", { name: "Position in the clip" });
  await slider.focus();
  await page.keyboard.press("Space");
  await page.waitForFunction(() => app.playing.value === undefined);
  await page.keyboard.press("Home");
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("ArrowRight");
  await soon(() => slider.getAttribute("aria-valuenow")).toBe("2.0");
  const whole = await page.evaluate(() => app.selected.value?.startFrame);
  expect(whole).toBe(48); // 2 s are 62.5 frames: the patch that holds them begins at 48
  await page.keyboard.press("+");
  await soon(() => page.getByLabel("Zoom").inputValue()).toBe("10");
  await slider.click({ position: { x: 60, y: 200 } });
  await soon(async () => Number(await slider.getAttribute("aria-valuenow"))).toBeLessThan(1);

  await page.getByLabel("Label of one.wav").fill("drums");
  await page.getByLabel("Label of one.wav").press("Enter");
  await page.waitForFunction(() => app.clips.value[0].label === "drums");
  await page.getByRole("button", { name: "Remove two.mp3" }).click();
  await page.waitForFunction(() => app.clips.value.length === 1);
  expect(await page.evaluate(() => app.selected.value?.clip)).toBe("file-0");
  await close();
  expect(errors).toEqual([]);
});

test("the player plays the clip that it holds, and nothing else has to be touched for its playhead to move", async () => {
  const { page, errors, close } = await openApp(built);
  await page.waitForSelector("#status[data-adapter=open]");
  await page
    .getByLabel("Audio files", { exact: true })
    .setInputFiles([{ name: "one.wav", mimeType: "audio/wav", buffer: Buffer.from("x") }]);
  await page.waitForSelector(".player-stage[data-ready='file-0']");
  await lookAt(page, "listen");
  await page.getByRole("button", { name: "Play", exact: true }).click();
  await page.waitForFunction(
    () => Number(document.querySelector<HTMLElement>(".player-stage")?.dataset.position) > 0.3,
  );
  await page.getByRole("button", { name: "Pause", exact: true }).first().click();
  await page.waitForFunction(() => app.playing.value === undefined);
  await close();
  expect(errors).toEqual([]);
});

test("files and folders are dropped anywhere", async () => {
  const { page, errors, close } = await openApp(built);
  await page.waitForSelector("#status[data-adapter=open]");
  await page.evaluate(() => {
    const transfer = new DataTransfer();
    transfer.items.add(new File(["x"], "dropped.ogg", { type: "audio/ogg" }));
    const drop = (type: string) =>
      document.body.dispatchEvent(
        new DragEvent(type, { dataTransfer: transfer, bubbles: true, cancelable: true }),
      );
    drop("dragenter");
    if (!document.body.classList.contains("dropping"))
      throw new Error("the page does not show that it takes files");
    drop("drop");
  });
  await page.waitForFunction(() => app.clips.value[0]?.name === "dropped.ogg");
  expect(await page.evaluate(() => document.body.className)).toBe("");
  await close();
  expect(errors).toEqual([]);
});

test("training: curves grow, patches are filled, attention is asked, the model goes out and comes in", async () => {
  const { page, errors, close } = await openApp(built);
  await page.waitForSelector("#status[data-adapter=open]");
  await page.getByRole("button", { name: "Start", exact: true }).click();
  await soon(() => page.locator("#alerts .notice p").allTextContents()).toHaveLength(1);
  expect(await page.locator("#alerts .notice p").textContent()).toMatch(/nothing to train on/);
  await page.getByRole("button", { name: "Dismiss" }).click();
  await page.getByRole("button", { name: "Load demo music" }).click();
  await page.waitForSelector(".clips li:nth-child(8)");

  await write(page, "Steps", "-3");
  await page.getByRole("button", { name: "Start", exact: true }).click();
  await soon(() => page.locator("#alerts .notice p").textContent()).toMatch(/^Steps: write a whole number/);
  await write(page, "Steps", "120");
  await write(page, "Batch", "512");
  await page.getByRole("button", { name: "Start", exact: true }).click();
  await soon(() => page.locator("#alerts .notice p").last().textContent()).toMatch(
    /9\.1 GiB.* Use a smaller batch or preset/,
  );
  await write(page, "Batch", "8");
  await page.getByRole("button", { name: "Start", exact: true }).click();
  await lookAt(page, "train");
  const points = () =>
    page.$eval("#losses .view", (view) => Number((view as HTMLElement).dataset.points ?? 0));
  await soon(points).toBeGreaterThan(5);
  const before = await points();
  await soon(points).toBeGreaterThan(before + 10);
  await soon(() => page.locator(".chart svg").first().getAttribute("aria-label")).toMatch(
    /^Loss: training [\d.]+ at step 1, [\d.]+ at step \d+; held out/,
  );

  await page.getByRole("button", { name: "Pause", exact: true }).click();
  await page.getByRole("button", { name: "Resume" }).waitFor();
  const step = await page.evaluate(() => app.training.value.step);
  await page.waitForTimeout(200);
  expect(await page.evaluate(() => app.training.value.step)).toBe(step);

  await lookAt(page, "patches");
  await soon(() => page.$eval("#patches .view", (view) => (view as HTMLElement).dataset.step)).toBe(
    String(step),
  );
  for (const i of [1, 2, 3]) {
    const { colours, filled } = await pixelsOf(page, `.triptych figure:nth-child(${i}) canvas`);
    expect(colours).toBeGreaterThan(50);
    expect(filled).toBeGreaterThan(0.99);
  }
  expect(await page.locator(".triptych figcaption").allTextContents()).toEqual([
    "Original 64 patches",
    expect.stringMatching(/^Masked \d+ of 64 patches$/),
    expect.stringMatching(/^Filled in error [\d.]+ at step \d+$/),
  ]);

  await lookAt(page, "attention");
  const patch = () => page.$eval("#attention .view", (view) => Number((view as HTMLElement).dataset.patch));
  await soon(patch).toBe(34);
  const canvas = page.getByRole("application", { name: "Patches of the crop" });
  await canvas.focus();
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("ArrowUp");
  await soon(patch).toBe(43);
  const box = await canvas.boundingBox();
  await canvas.click({ position: { x: 3, y: (box?.height ?? 0) - 3 } });
  await soon(patch).toBe(0);
  await page.getByLabel("Head", { exact: true }).selectOption({ label: "2" });
  await page.getByLabel("Layer", { exact: true }).selectOption("0");
  expect(await page.locator("#attention-says").textContent()).toMatch(/listens most to itself: [\d.]+ %/);

  await page.getByRole("button", { name: "Head 3" }).click();
  expect(await page.getByLabel("Head", { exact: true }).inputValue()).toBe("2");

  await page.getByRole("button", { name: "Resume" }).click();
  await page.getByRole("button", { name: "Train on" }).waitFor();
  expect(await page.evaluate(() => app.training.value.step)).toBe(120);

  const downloads: string[] = [];
  page.on("download", (download) => downloads.push(download.suggestedFilename()));
  await page.getByRole("button", { name: "Export", exact: true }).click();
  await soon(() => downloads).toEqual(["model.safetensors", "config.json"]);
  await page
    .getByLabel("model.safetensors and config.json")
    .setInputFiles([{ name: "model.safetensors", mimeType: "", buffer: Buffer.from("x") }]);
  await soon(() => page.evaluate(() => app.model.value?.step)).toBe(77);

  await page.getByRole("button", { name: "Reset", exact: true }).click();
  await page.getByRole("button", { name: "Forget the weights?" }).click();
  await soon(() => page.evaluate(() => app.model.value?.step)).toBe(0);
  await soon(points).toBe(0);
  await page.getByRole("button", { name: "Forget", exact: true }).click();
  await page.getByRole("button", { name: "Delete clips and model?" }).click();
  await soon(() => page.evaluate(() => app.clips.value.length)).toBe(0);
  await close();
  expect(errors).toEqual([]);
});

test("a released model is what it opens with, and one choice of two for training", async () => {
  const { page, errors, close } = await openApp(built, 1280, () => {
    Object.assign(globalThis, { fakeOptions: { released: "tiny" } });
  });
  await page.waitForSelector("#status[data-adapter=open]");
  await soon(() => page.locator("#notices .notice p").allTextContents()).toContain(
    "The released model tiny is loaded: add music to see what it hears.",
  );
  expect(await page.locator("#status").textContent()).toContain("model tiny");
  await page.getByRole("button", { name: "Load demo music" }).click();
  await page.waitForSelector(".clips li:nth-child(8)");
  await lookAt(page, "patches");
  await soon(() => page.locator("#patches").textContent()).toContain("tiny was released without what fills");
  await lookAt(page, "map");
  await soon(() => page.locator("#map").textContent()).toMatch(
    /windows of 8 clips, by tiny as it was released\./,
  );
  await lookAt(page, "train");
  await expectAccessible(page, "released");
  const state = page.locator("#training .state");
  expect(await state.textContent()).toBe(
    "tiny, as it was released: all below works with it; Start trains on",
  );

  const begin = page.getByLabel("Begin with");
  expect(await begin.inputValue()).toBe("released");
  const calls = () => page.evaluate(() => (globalThis as unknown as { calls: unknown[][] }).calls);
  await page.evaluate(() => {
    const seen: unknown[][] = [];
    const call = app.engine.call.bind(app.engine);
    app.engine.call = ((name: string, ...args: unknown[]) => {
      if (name === "reset" || name === "train") seen.push([name, ...args]);
      return (call as (name: string, ...args: unknown[]) => unknown)(name, ...args);
    }) as typeof app.engine.call;
    Object.assign(globalThis, { calls: seen });
  });
  const train = ["train", { steps: 200, batch: 8, seed: 1 }];
  await page.getByRole("button", { name: "Start", exact: true }).click();
  await soon(calls).toEqual([train]); // nothing is reset: it goes on from the model as it is
  await page.getByRole("button", { name: "Pause", exact: true }).last().click();
  await soon(() => state.textContent()).toMatch(/^Paused/);

  await begin.selectOption("random weights");
  await page.getByRole("button", { name: "Reset", exact: true }).click();
  await page.getByRole("button", { name: "Forget the weights?" }).click();
  await soon(() => state.textContent()).toBe("Not trained yet");
  const reset = (begin: string) => ["reset", { preset: "demo", seed: 1, begin }];
  expect(await calls()).toEqual([train, reset("random")]);
  expect(await page.evaluate(() => app.model.value?.released)).toBeUndefined();

  await page.getByLabel("Preset").selectOption("small");
  expect(await begin.locator("option[value=released]").isDisabled()).toBe(true);
  await page.getByLabel("Preset").selectOption("demo");
  await begin.selectOption("tiny (released)");
  await page.getByRole("button", { name: "Start", exact: true }).click();
  await soon(calls).toEqual([train, reset("random"), reset("released"), train]);
  expect(await page.evaluate(() => app.model.value?.released)).toBe("tiny");
  await close();
  expect(errors).toEqual([]);
});

test("without WebGPU the page says what to do, takes files meanwhile, and goes on when it can", async () => {
  const { page, errors, close } = await openApp(built, 360, () => {
    const message = "This browser has no WebGPU. In Chrome and Edge use version 113 or newer.";
    Object.assign(globalThis, { fakeOptions: { refuse: { message, times: 1 } } });
  });
  const alert = page.locator("#alerts .notice");
  await soon(() => alert.locator("p").textContent()).toMatch(/^This browser has no WebGPU\. In Chrome/);
  await page
    .getByLabel("Audio files", { exact: true })
    .setInputFiles([{ name: "kept.wav", mimeType: "audio/wav", buffer: Buffer.from("x") }]);
  await soon(() => page.locator("#notices .notice p").allTextContents()).toContain(
    "1 file waits for the GPU.",
  );
  await screenshot(page, "no-webgpu-360");
  await expectAccessible(page, "no WebGPU");
  await expectNoSidewaysScrolling(page);
  await page.getByRole("button", { name: "Try again" }).click();
  await page.waitForSelector("#status[data-adapter=open]");
  await page.waitForFunction(() => app.clips.value[0]?.name === "kept.wav");
  expect(await alert.count()).toBe(0);
  await close();
  expect(errors).toEqual([]);
});

test("a lost device is told, and its recovery", async () => {
  const { page, errors, close } = await openApp(built);
  await page.waitForSelector("#status[data-adapter=open]");
  await page.getByRole("button", { name: "Load demo music" }).click();
  await page.waitForSelector(".clips li:nth-child(8)");
  await page.evaluate(() => app.engine.call("loseDevice"));
  await soon(() => page.locator("#alerts .notice p").allTextContents()).toEqual([
    "The GPU was lost: the driver was reset. Opening it again; your clips are kept.",
  ]);
  await screenshot(page, "lost");
  await expectAccessible(page, "lost");
  await page.waitForSelector("#status[data-adapter=open]");
  expect(await page.locator("#alerts .notice").count()).toBe(0);
  await soon(() => page.locator("#notices").textContent()).toMatch(/Recovered on Fake adapter/);
  expect(await page.evaluate(() => app.clips.value.length)).toBe(8);
  await close();
  expect(errors).toEqual([]);
});

test("a track whose name is markup is shown as text", async () => {
  const { page, errors, close } = await openApp(built);
  await page.waitForSelector("#status[data-adapter=open]");
  const evil = '<img src=x onerror="window.hurt=1"><b>&amp;.wav';
  await page.getByLabel("Audio files", { exact: true }).setInputFiles([
    { name: evil, mimeType: "audio/wav", buffer: Buffer.from("x") },
    { name: `broken ${evil}`, mimeType: "audio/wav", buffer: Buffer.from("x") },
  ]);
  await page.waitForSelector(".clips li");
  await soon(() => page.locator(".refused li").count()).toBe(1);
  for (const section of ["library", "listen", "patches", "attention", "map", "neighbours", "finetune"]) {
    await lookAt(page, section);
  }
  expect(await page.locator(".clips li").first().textContent()).toContain("<img src=x onerror=");
  expect(await page.locator(".refused li").textContent()).toContain(`broken ${evil}`);
  expect(await page.locator("[onerror], img[src=x]").count()).toBe(0);
  expect(await page.evaluate(() => "hurt" in window)).toBe(false);
  await close();
  expect(errors).toEqual([]);
});
