// Neighbours, fine-tune and microphone in a real Chromium, on an engine that answers from made-up data and a microphone that beeps:
// what is asked of the engine, what is shown, what is said when something is missing. And all views by axe-core, wide and narrow.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { freshSeed } from "../support/gpu.js";
import { closeBrowser } from "./launch.js";
import { expectAccessible, expectNoSidewaysScrolling } from "./page/open.js";
import { cloud } from "./web-map/geometry.js";
import { buildPage, openBench, openMap, pixelsOf, removeBuild } from "./web-map/open.js";

beforeAll(buildPage);
afterAll(async () => {
  await closeBrowser();
  await removeBuild();
});

describe("neighbours", () => {
  it("lists what is like the chosen window, plays it and goes there", async () => {
    const { page, errors, close } = await openBench();
    await page.evaluate(() => {
      bench.clips(5, 4, ["piano"]);
      bench.answers.neighbours = bench.someNeighbours;
      bench.mount("neighbours");
    });
    expect(await page.getByText("Choose a clip in the library").isVisible()).toBe(true);
    await page.evaluate(() => (bench.app.selected.value = { clip: "clip-1", startFrame: 128 }));
    await page.waitForSelector(".neighbour-list li");
    expect(await page.locator(".neighbour-list li").count()).toBe(4);
    const asked = await page.evaluate(() => bench.calls.find((call) => call.name === "neighbours")?.args);
    expect(asked?.[0]).toBe("clip-1");
    expect(asked?.[1]).toBeCloseTo(4.096, 3);
    expect(await page.locator(".neighbour-list li").first().textContent()).toMatch(
      /Piece 1.*0:04 to 0:08.*piano.*0\.93/,
    );
    await page.getByRole("button", { name: "Play Piece 1, 0:04 to 0:08" }).click();
    expect((await page.evaluate(() => bench.played))[0]).toMatchObject({
      clip: "clip-0",
      from: 4.096,
      to: 8.192,
    });
    await page.getByRole("button", { name: "Stop Piece 1, 0:04 to 0:08" }).click();
    expect(await page.evaluate(() => bench.stops)).toBe(1);
    await page.locator(".neighbour-name").nth(1).click();
    expect(await page.evaluate(() => bench.app.selected.value)).toEqual({ clip: "clip-2", startFrame: 128 });
    await page.waitForSelector("h3:has-text('Like Piece 3 at 0:04')");
    await page.evaluate(() => {
      bench.answers.neighbours = () => {
        throw new Error("The GPU is busy: try again.");
      };
      bench.app.selected.value = { clip: "clip-3", startFrame: 0 };
    });
    await page.getByText("The GPU is busy: try again.").waitFor();
    await page.evaluate(() => {
      bench.answers.neighbours = bench.someNeighbours;
    });
    await page.getByRole("button", { name: "Try again" }).click();
    await page.waitForSelector(".neighbour-list li");
    await close();
    expect(errors).toEqual([]);
  });

  it("finds music like a file that is chosen or dropped, and keeps the page from taking it", async () => {
    const { page, errors, close } = await openBench();
    await page.evaluate(() => {
      bench.answers.similarTo = (file, count) => {
        if (file.name.startsWith("bad")) throw new Error("bad.mp3 is no audio: use WAV, FLAC, MP3 or Ogg.");
        return bench.someNeighbours(file.name, 0, count);
      };
      document.addEventListener("drop", () => bench.said.push("the page took it"));
      bench.mount("neighbours");
    });
    const input = page.getByLabel("An audio file to compare with");
    const file = { name: "humming.wav", mimeType: "audio/wav", buffer: Buffer.from("not read here") };
    await input.setInputFiles(file);
    await page.getByText("The library is empty").waitFor();
    await page.evaluate(() => bench.clips(12, 3));
    await input.setInputFiles(file);
    await page.getByText("Nearest to humming.wav:").waitFor();
    expect(await page.locator(".neighbour-list li").count()).toBe(10);
    await page.evaluate(() => {
      const data = new DataTransfer();
      data.items.add(new File(["x"], "bad.mp3"));
      const where = document.querySelector(".similar-drop")!;
      where.dispatchEvent(new DragEvent("dragover", { dataTransfer: data, bubbles: true, cancelable: true }));
      where.dispatchEvent(new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true }));
    });
    await page.getByText("bad.mp3 is no audio").waitFor();
    expect(await page.evaluate(() => bench.said)).toEqual([]);
    await close();
    expect(errors).toEqual([]);
  });
});

describe("fine-tune", () => {
  it("takes labels, says what is missing, trains, draws the result and exports", async () => {
    const { page, errors, close, shot } = await openBench({ width: 1280, height: 1000 });
    await page.evaluate(() => {
      bench.answers.label = () => undefined;
      bench.answers.fineTune = () => ({
        classes: ["drums", "piano"],
        trainWindows: 24,
        heldOutWindows: 16,
        split: "A quarter of each class's clips was held out.",
        accuracy: 0.875,
        interval: [0.64, 0.97] as [number, number],
        confusion: [
          [7, 1],
          [1, 7],
        ],
        seconds: 1.24,
      });
      bench.answers.exportProbe = () => ({
        name: "probe.safetensors",
        type: "application/octet-stream",
        bytes: Uint8Array.of(1, 2, 3, 4),
      });
      bench.mount("finetune");
    });
    const train = page.getByRole("button", { name: "Train probe" });
    const state = page.locator(".finetune-state").first();
    expect(await page.getByText("Add clips to the library").isVisible()).toBe(true);
    await page.evaluate(() => bench.clips(4, 5));
    expect(await train.isDisabled()).toBe(true);
    expect(await state.textContent()).toMatch(/two classes/);
    for (const name of ["piano", "drums"]) {
      await page.getByLabel("Name of a class").fill(name);
      await page.keyboard.press("Enter");
    }
    const give = (clip: string, name: string) =>
      page
        .getByRole("group", { name: `Class of ${clip}` })
        .getByRole("button", { name })
        .click();
    await give("Piece 1", "piano");
    await expect.poll(() => state.textContent()).toMatch(/only piano has clips/);
    await give("Piece 2", "drums");
    await expect.poll(() => state.textContent()).toMatch(/drums and piano have one clip only/);
    expect(await train.isDisabled()).toBe(false);
    await give("Piece 3", "piano");
    await give("Piece 4", "drums");
    await expect.poll(() => state.textContent()).toBe("Ready: 4 clips in 2 classes.");
    // What has been given is shown, kept and can be taken back.
    expect(await page.evaluate(() => bench.app.clips.value.map((clip) => clip.label))).toEqual([
      "piano",
      "drums",
      "piano",
      "drums",
    ]);
    expect(await page.evaluate(() => (document.activeElement as HTMLElement).textContent)).toBe("drums");
    await give("Piece 4", "drums");
    await expect.poll(() => state.textContent()).toMatch(/drums has one clip only/);
    await give("Piece 4", "drums");
    await expect.poll(() => state.textContent()).toBe("Ready: 4 clips in 2 classes.");

    await train.click();
    await page.getByText("88 %").first().waitFor();
    expect(await page.locator(".finetune-result").textContent()).toMatch(
      /64 % to 97 %.*24 windows in 1\.2 s.*16 windows.*A quarter/,
    );
    expect(await page.locator(".finetune-confusion td").allTextContents()).toEqual(["7", "1", "1", "7"]);
    await shot("finetune-1280");
    const [download] = await Promise.all([
      page.waitForEvent("download"),
      page.getByRole("button", { name: "Export probe" }).click(),
    ]);
    expect(download.suggestedFilename()).toBe("probe.safetensors");

    await page.evaluate(() => {
      bench.answers.fineTune = () => {
        throw new Error("Piece 2 is too short: give drums another clip.");
      };
    });
    await train.click();
    await page.getByRole("alert").waitFor();
    expect(await page.getByRole("alert").textContent()).toMatch(/too short/);
    await close();
    expect(errors).toEqual([]);
  });
});

/** Answers of an engine to live audio: columns that say how loud each frame is, and two classes. */
function listen() {
  bench.answers.liveMel = (samples, sampleRate) => {
    const hop = 0.032 * sampleRate;
    const frames = Math.floor(samples.length / hop) + 1;
    const values = new Float32Array(128 * frames);
    for (let frame = 0; frame < frames; frame++) {
      let sum = 0;
      const from = Math.max(0, Math.round((frame - 1) * hop));
      const part = samples.subarray(from, Math.round((frame + 1) * hop));
      for (const value of part) sum += value * value;
      const loud = 4 * Math.sqrt(Math.sqrt(sum / Math.max(1, part.length)));
      for (let mel = 0; mel < 128; mel++) values[mel * frames + frame] = loud * (1 - mel / 160);
    }
    return { values, nMels: 128, frames, hopSeconds: 0.032 };
  };
  bench.answers.addRecording = (samples, sampleRate, name) => ({
    added: [{ id: "rec", name, source: "microphone", seconds: samples.length / sampleRate, frames: 60 }],
  });
}

describe("the microphone", () => {
  it("shows its log-mel as it moves, classifies it and records it", async () => {
    const { page, errors, close, shot } = await openBench();
    await page.evaluate(listen);
    await page.evaluate(() => {
      bench.answers.classify = () => {
        throw new Error("There is no probe.");
      };
      bench.mount("microphone");
    });
    const silent = await pixelsOf(page, ".microphone-mel");
    await page.getByRole("button", { name: "Listen" }).click();
    await page.getByText(/^Listening to/).waitFor();
    await page.waitForFunction(() => bench.calls.filter((call) => call.name === "liveMel").length > 8);
    await page.waitForTimeout(1000);
    const shown = await pixelsOf(page, ".microphone-mel");
    const colours = new Set<string>();
    for (let x = 0; x < shown.width; x++) colours.add(shown.at(x, shown.height - 4).join());
    expect(colours.size).toBeGreaterThan(8);
    expect(silent.width).toBe(shown.width);
    await shot("microphone-1280");
    // Samples are those of the last moments, not all since the start.
    const lengths = await page.evaluate(() =>
      bench.calls
        .filter((call) => call.name === "liveMel")
        .map(({ args }) => (args[0] as Float32Array).length / (args[1] as number)),
    );
    expect(Math.min(...lengths)).toBeLessThan(0.6);

    await page.getByText("No probe is trained yet").waitFor({ timeout: 20_000 });
    await page.evaluate(() => {
      bench.answers.classify = (samples, sampleRate) => {
        const share = samples.length / sampleRate / 8.192;
        return { classes: ["drums", "piano"], probabilities: [share, 1 - share] };
      };
    });
    // As when one is trained: it is asked again.
    await page.waitForSelector(".microphone-classes li", { timeout: 20_000 });
    expect(await page.locator(".microphone-classes output").first().textContent()).toMatch(
      /^(49|50|51) %$|^\d+ %$/,
    );

    await page.getByRole("button", { name: "Record" }).click();
    const begin = Date.now();
    await page.waitForTimeout(2000);
    await page.getByRole("button", { name: "Stop and keep" }).click();
    const took = (Date.now() - begin) / 1000;
    await page.getByText(/^Kept as Recording/).waitFor();
    const recorded = await page.evaluate(() => {
      const { args } = bench.calls.find((call) => call.name === "addRecording")!;
      const [samples, rate] = args as [Float32Array, number];
      return {
        seconds: samples.length / rate,
        loudest: samples.reduce((most, v) => Math.max(most, Math.abs(v)), 0),
      };
    });
    expect(recorded.seconds).toBeGreaterThan(1.5);
    expect(recorded.seconds).toBeLessThan(took + 1); // sound that was under way comes along
    expect(recorded.loudest).toBeGreaterThan(0.01);
    expect(await page.evaluate(() => bench.app.clips.value.map((clip) => clip.id))).toEqual(["rec"]);
    await page.getByRole("button", { name: "Stop listening" }).click();
    const calls = await page.evaluate(() => bench.calls.length);
    await page.waitForTimeout(700);
    expect(await page.evaluate(() => bench.calls.length)).toBeLessThanOrEqual(calls + 1);
    await close();
    expect(errors).toEqual([]);
  });

  it.each([
    ["NotAllowedError", /allow it/],
    ["NotFoundError", /plug one in/],
    ["NotReadableError", /another program/],
  ])("says what to do at %s", async (name, words) => {
    const { page, errors, close } = await openBench();
    await page.evaluate((name) => {
      navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException("no", name));
      bench.mount("microphone");
    }, name);
    await page.getByRole("button", { name: "Listen" }).click();
    await page.locator(".microphone-view .warning").waitFor();
    expect(await page.locator(".microphone-view .warning").textContent()).toMatch(words);
    expect(await page.getByRole("button", { name: "Listen" }).isEnabled()).toBe(true);
    await close();
    expect(errors).toEqual([]);
  });
});

describe.each([
  ["wide and light", { width: 1280, height: 900 }, false],
  ["narrow and dark", { width: 360, height: 740 }, true],
] as const)("%s", (name, size, dark) => {
  it("nothing sticks out, and axe-core finds nothing", async () => {
    const labels = ["piano", "drums", "a rather long name of a class"];
    const positions = cloud(freshSeed("axe"), 9, 6);
    const opened = await openMap({ positions, clips: 9, windows: 6, labels, size, dark });
    const { page, errors, close, shot } = opened;
    await page.evaluate(() => {
      bench.answers.fineTune = () => ({
        classes: ["a rather long name of a class", "drums", "piano"],
        trainWindows: 36,
        heldOutWindows: 18,
        split: "A third of each class's clips was held out.",
        accuracy: 0.778,
        interval: [0.55, 0.91] as [number, number],
        confusion: [
          [5, 1, 0],
          [2, 4, 0],
          [0, 1, 5],
        ],
        seconds: 2.1,
      });
      for (const view of ["neighbours", "finetune", "microphone"] as const) bench.mount(view);
      bench.app.selected.value = { clip: "clip-3", startFrame: 128 };
    });
    await page.evaluate(listen);
    await page.evaluate(() => {
      bench.answers.classify = () => ({ classes: ["drums", "piano"], probabilities: [0.3, 0.7] });
    });
    await page.locator("#neighbours").scrollIntoViewIfNeeded();
    await page.waitForSelector("#neighbours .neighbour-list");
    await page.getByRole("button", { name: "Train probe" }).click();
    await page.waitForSelector(".finetune-result");
    await page.locator(".map-clips summary").first().click();
    await page.locator("#microphone").scrollIntoViewIfNeeded();
    await page.getByRole("button", { name: "Listen" }).click();
    await page.waitForSelector(".microphone-classes li", { timeout: 30_000 });
    await expectNoSidewaysScrolling(page);
    await shot(`views-${size.width}`);
    await page.getByRole("button", { name: "Stop listening" }).click();
    await expectAccessible(page, name);
    await close();
    expect(errors).toEqual([]);
  });
});
