// The example pages in a real Chromium, used as a person would: buttons pressed, files and folders chosen. What they show is
// compared with what is known of the input, and a console error fails the test. EXAMPLE_SHOTS=FOLDER keeps pictures of them.
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { browserBundle } from "../../scripts/browser-bundle.mjs";
import { encodeWav16 } from "../../src/data/pcm16.js";
import { writeSafetensors } from "../../src/io/safetensors.js";
import { preset } from "../../src/patchifier/config.js";
import { encoderSizes, encoderSpecs } from "../../src/patchifier/encoder.js";
import { Random } from "../../src/tensor/random.js";
import { closeBrowser, type OpenedPage, openPage } from "./launch.js";

/** The machine may be busy. */
const patience = { timeout: 60_000 };

let folder: string;
let bundles: Record<string, string>;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "melgrad-examples-"));
  bundles = {
    "/dist/melgrad.js": (await browserBundle("src/index.ts")).code,
    "/dist/engine.js": (await browserBundle("src/engine-page.ts", { alone: true })).code,
  };
});

afterAll(async () => {
  await closeBrowser();
  if (folder) await rm(folder, { recursive: true, force: true });
});

/** Opens an example, and closes it after `use` without an error in its console. */
async function open(name: string, use: (opened: OpenedPage) => Promise<void>): Promise<void> {
  const opened = await openPage({ path: `/examples/${name}.html`, files: bundles });
  await use(opened);
  if (process.env.EXAMPLE_SHOTS) {
    await opened.page.screenshot({ path: join(process.env.EXAMPLE_SHOTS, `${name}.png`), fullPage: true });
  }
  await opened.close();
  expect(opened.errors).toEqual([]);
}

/** A sound of one partial and its octave, at 22.05 kHz. */
function tone(hertz: number, seconds: number, random: Random): Uint8Array {
  const rate = 22050;
  const samples = Float32Array.from({ length: Math.round(seconds * rate) }, (_, i) => {
    const phase = (2 * Math.PI * hertz * i) / rate;
    return 0.3 * Math.sin(phase) + 0.1 * Math.sin(2 * phase) + 0.01 * random.normal();
  });
  return encodeWav16(samples, rate);
}

function noise(seconds: number, random: Random): Uint8Array {
  const samples = Float32Array.from({ length: Math.round(seconds * 16000) }, () => 0.1 * random.normal());
  return encodeWav16(samples, 16000);
}

it("are three, each under 60 lines and by themselves", () => {
  const pages = readdirSync("examples").filter((name) => name.endsWith(".html"));
  expect(pages.sort()).toEqual(["fine-tune.html", "log-mel.html", "matmul.html"]);
  for (const name of pages) {
    const text = readFileSync(join("examples", name), "utf8");
    expect(text.split("\n").length - 1, name).toBeLessThan(60);
    expect(text).not.toMatch(/https?:/);
    expect(text.match(/from "\.\.\/dist\/\w+\.js"/g)?.length, name).toBe(1);
  }
});

it("matmul.html multiplies, and agrees with float64", () =>
  open("matmul", async ({ page }) => {
    for (const size of ["64", "512"]) {
      await page.getByLabel("Size").selectOption(size);
      await page.getByRole("button", { name: "Multiply" }).click();
      const status = page.getByRole("status");
      await expect
        .poll(() => status.textContent(), patience)
        .toMatch(new RegExp(`^${size} × ${size} on .*swiftshader`));
      const error = Number(await page.locator("#error").textContent());
      expect(error).toBeGreaterThan(0);
      expect(error).toBeLessThan(1e-4);
      expect(await page.locator("#speed").textContent()).toMatch(/^[\d.]+ GFLOP\/s$/);
    }
  }));

it("log-mel.html draws a chosen sound, and a dropped one", () =>
  open("log-mel", async ({ page }) => {
    /** The brightest row of the picture, counted from its bottom, in a column in the middle. */
    const brightest = () =>
      page.locator("canvas").evaluate((element) => {
        const canvas = element as HTMLCanvasElement;
        const { data } = canvas.getContext("2d")!.getImageData(canvas.width >> 1, 0, 1, canvas.height);
        const levels = Array.from({ length: canvas.height }, (_, y) => data[4 * y] + data[4 * y + 1]);
        return canvas.height - 1 - levels.indexOf(Math.max(...levels));
      });
    const random = new Random(5);
    const status = page.getByRole("status");
    await page
      .getByLabel(/choose one/)
      .setInputFiles({ name: "low.wav", mimeType: "audio/wav", buffer: Buffer.from(tone(440, 3, random)) });
    // 3 s at 16 kHz, a frame every 512 samples.
    await expect
      .poll(() => status.textContent(), patience)
      .toMatch(/^low\.wav: 3\.0 s, 94 frames of 128 bands in \d+ ms$/);
    const low = await brightest();
    const dropped = await page.evaluateHandle(
      (bytes) => {
        const transfer = new DataTransfer();
        transfer.items.add(new File([new Uint8Array(bytes)], "high.wav", { type: "audio/wav" }));
        return transfer;
      },
      [...tone(3000, 1, random)],
    );
    await page.dispatchEvent("#drop", "drop", { dataTransfer: dropped });
    await expect.poll(() => status.textContent(), patience).toMatch(/^high\.wav: 1\.0 s, 32 frames/);
    const high = await brightest();
    // Slaney's scale: linear to 1 kHz (15 mels), logarithmic above; 128 bands up to 8 kHz.
    const mel = (hertz: number) =>
      hertz < 1000 ? (3 * hertz) / 200 : 15 + (27 * Math.log(hertz / 1000)) / Math.log(6.4);
    const band = (hertz: number) => (129 * mel(hertz)) / mel(8000) - 1;
    expect(Math.abs(low - band(440))).toBeLessThan(2);
    expect(Math.abs(high - band(3000))).toBeLessThan(2);
    await page
      .getByLabel(/choose one/)
      .setInputFiles({ name: "broken.wav", mimeType: "audio/wav", buffer: Buffer.from("no sound") });
    await expect.poll(() => status.textContent(), patience).toMatch(/decode/i);
    await page
      .getByLabel(/choose one/)
      .setInputFiles({ name: "again.wav", mimeType: "audio/wav", buffer: Buffer.from(tone(440, 3, random)) });
    await expect.poll(() => status.textContent(), patience).toMatch(/^again\.wav/);
  }));

it("fine-tune.html tells two folders apart, by random features and by weights", () =>
  open("fine-tune", async ({ page }) => {
    const random = new Random(7);
    for (const kind of ["tones", "noises"]) {
      mkdirSync(join(folder, kind));
      for (let i = 0; i < 6; i++) {
        const seconds = 2 + 3 * random.uniform();
        const sound =
          kind === "tones"
            ? tone(200 * 2 ** (3 * random.uniform()), seconds, random)
            : noise(seconds, random);
        writeFileSync(join(folder, kind, `${kind}-${i}.wav`), sound);
      }
    }
    await page.getByLabel("One kind").setInputFiles(join(folder, "tones"));
    await page.getByLabel("Another").setInputFiles(join(folder, "noises"));
    const status = page.getByRole("status");
    const done = async () => {
      await page.getByRole("button", { name: "Train" }).click();
      await expect.poll(() => status.textContent(), patience).toMatch(/^Held-out|failed|Error/);
      return status.textContent();
    };
    expect(await done()).toBe("Held-out accuracy: 4 of 4, by random features.");

    const specs = encoderSpecs(encoderSizes(preset("demo").model));
    const file = writeSafetensors(
      specs.map(({ name, shape, init }) => {
        const size = shape.reduce((product, n) => product * n, 1);
        return [name, { dtype: "F32", shape, data: init(size, random) }] as const;
      }),
    );
    await page.getByLabel(/^Weights/).setInputFiles({
      name: "model.safetensors",
      mimeType: "application/octet-stream",
      buffer: Buffer.from(file),
    });
    await page.getByRole("status").evaluate((element) => element.replaceChildren());
    expect(await done()).toBe("Held-out accuracy: 4 of 4, by trained features.");
  }));
