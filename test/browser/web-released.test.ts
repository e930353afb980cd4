// The page's worker beside a released model, in Chromium: it opens with it, computes what Node computes by it without a step of training,
// trains on from it and goes back to it; and where the model does not come it says so and begins with random weights.
import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { preset } from "../../src/patchifier/config.js";
import { encoderFeatures, melsInMemory } from "../../src/probe/features.js";
import { loadModel } from "../../src/train/load-model.js";
import { freshSeed, useGpu } from "../support/gpu.js";
import { tinyNormalisation, writeRun } from "../support/run-folder.js";
import { closeBrowser } from "./launch.js";
import { buildPage, openApp } from "./page/open.js";
import { call, openWorkerPage, ready, type WorkerPage } from "./web-worker.js";

const gpu = useGpu();
const seed = freshSeed("web released");
const models = mkdtempSync(join(tmpdir(), "melgrad-models-"));
const { model } = preset("demo");
let opened: Awaited<ReturnType<typeof openWorkerPage>>;

beforeAll(async () => {
  await writeRun(gpu(), join(models, "tiny"), seed % 1000, { alone: true, config: model });
  opened = await openWorkerPage(join(models, "tiny"));
}, 120_000);
afterAll(async () => {
  await opened?.close();
  await closeBrowser();
  rmSync(models, { recursive: true, force: true });
});

const eventsOf = (name: string) =>
  opened.page.evaluate(
    (wanted) =>
      (globalThis as unknown as WorkerPage).events
        .filter((each) => each.name === wanted)
        .map(({ value }) => value),
    name,
  ) as Promise<Record<string, unknown>[]>;
const embeddingOf = (id: string) =>
  opened.page.evaluate(
    async (clip) => [...(await (globalThis as unknown as WorkerPage).engine.call("embed", clip))],
    id,
  );
const fetched = () =>
  opened.requests.filter((url) => url.includes("/model/")).map((url) => url.split("/").at(-1));

/** What Node gives for a clip by the model's folder. */
async function expected(id: string): Promise<number[]> {
  const { values, nMels, frames } = await opened.page.evaluate(async (clip) => {
    const mel = await (globalThis as unknown as WorkerPage).engine.call("logMel", clip);
    return { ...mel, values: [...mel.values] };
  }, id);
  const frameMajor = new Float32Array(values.length);
  for (let m = 0; m < nMels; m++)
    for (let f = 0; f < frames; f++) frameMajor[f * nMels + m] = values[m * frames + f];
  const { model: encoder, config } = await loadModel(gpu(), join(models, "tiny"));
  const mels = melsInMemory([{ frames, values: frameMajor }], nMels);
  const features = await encoderFeatures(encoder, mels, {
    model: config.model,
    normalisation: config.normalisation,
  });
  encoder.dispose();
  return [...features.values];
}

const largest = (a: readonly number[], b: readonly number[]) => {
  expect(a).toHaveLength(b.length);
  return a.reduce((worst, value, i) => Math.max(worst, Math.abs(value - b[i])), 0);
};

it("opens with it, and embeds, finds neighbours and fine-tunes by it at once", {
  timeout: 180_000,
}, async () => {
  const { page } = opened;
  const answer = await call(page, "open", {});
  expect(answer.offered).toEqual({ name: "tiny", preset: "demo" });
  expect(answer.model).toMatchObject({ released: "tiny", step: 0, normalisation: tinyNormalisation });
  expect(await eventsOf("problem")).toEqual([]);
  expect(fetched()).toEqual(["config.json", "model.safetensors"]);
  const size = readFileSync(join(models, "tiny", "model.safetensors")).length;
  const progress = (await eventsOf("progress")).filter(({ what }) => what === "loading the released model");
  expect(progress[0]).toMatchObject({ done: 0, total: size });
  expect(progress.at(-1)).toMatchObject({ done: size, total: size });

  const { added } = await call(page, "addDemo", { pieces: 3, seconds: 6 });
  const ids = added.map(({ id }) => id);
  expect(largest(await embeddingOf(ids[0]), await expected(ids[0]))).toBeLessThan(1e-4);
  const near = await call(page, "neighbours", ids[0], 0, 2);
  expect(near).toHaveLength(2);
  for (const [i, id] of ids.entries()) await call(page, "label", id, i % 2 ? "b" : "a");
  expect((await call(page, "fineTune")).classes).toEqual(["a", "b"]);
  expect((await call(page, "model")).step).toBe(0);
});

it("trains on from it, is begun anew with random weights or with it, and is kept", {
  timeout: 300_000,
}, async () => {
  const { page } = opened;
  const [{ id }] = await call(page, "clips");
  const released = await embeddingOf(id);
  // Steps too small to change a weight: what is trained is the model, and no other.
  await call(page, "train", { steps: 2, batch: 2, lr: 1e-30 });
  await page.waitForFunction(() =>
    (globalThis as unknown as WorkerPage).events.some(
      ({ name, value }) => name === "training" && (value as { status: string }).status === "done",
    ),
  );
  expect(await call(page, "model")).toMatchObject({
    released: "tiny",
    step: 2,
    normalisation: tinyNormalisation,
  });
  expect(largest(await embeddingOf(id), released)).toBeLessThan(1e-6);

  const requests = fetched().length;
  await page.reload();
  await ready(page);
  expect((await call(page, "open", {})).model).toMatchObject({ released: "tiny", step: 2 });
  expect(fetched()).toHaveLength(requests); // what was trained is taken up, and nothing is fetched

  const random = await call(page, "reset", { begin: "random" });
  expect(random).toMatchObject({ step: 0 });
  expect(random.released).toBeUndefined();
  expect(largest(await embeddingOf(id), released)).toBeGreaterThan(1e-2);
  expect(await call(page, "reset", { begin: "released", preset: "demo" })).toMatchObject({
    released: "tiny",
    step: 0,
  });
  expect(largest(await embeddingOf(id), released)).toBeLessThan(1e-6);
});

it("says what is wrong where it does not come, and begins with random weights", {
  timeout: 180_000,
}, async () => {
  const { page, folder } = opened;
  const weights = join(folder, "model/model.safetensors");
  const whole = readFileSync(weights);
  const openAgain = async () => {
    await page.reload();
    await ready(page);
    const { model } = await call(page, "open", {});
    expect(model.step).toBe(0);
    expect(model.released).toBeUndefined();
    const [problem] = await eventsOf("problem");
    expect(problem.advice).toMatch(/random weights: press Reset/);
    return problem.message;
  };
  writeFileSync(weights, whole.subarray(0, 1000));
  expect(await openAgain()).toBe(
    `The released model tiny could not be loaded: 1000 of its ${whole.length} bytes came.`,
  );
  await expect(call(page, "reset", { begin: "released" })).rejects.toThrow(/1000 of its/);
  const [{ id }] = await call(page, "clips");
  expect((await embeddingOf(id)).every(Number.isFinite)).toBe(true);
  const broken = Buffer.from(whole);
  broken.fill(0xff, broken.length - 4); // a NaN
  writeFileSync(weights, broken);
  expect(await openAgain()).toMatch(/could not be loaded: '.*' is not what its config\.json says\.$/);
  renameSync(weights, `${weights}.gone`);
  expect(await openAgain()).toMatch(/could not be loaded: the server answers 404 for model\.safetensors\.$/);
  writeFileSync(weights, whole);
  expect(await call(page, "reset", { begin: "released" })).toMatchObject({ released: "tiny" });
  expect(await call(page, "open", { begin: "random" })).toMatchObject({ model: { released: "tiny" } }); // it is open
  await page.reload();
  await ready(page);
  expect((await call(page, "open", { begin: "random" })).model.released).toBeUndefined();
  opened.errors.splice(
    0,
    opened.errors.length,
    ...opened.errors.filter((text) => !/404|ERR_ABORTED/.test(text)),
  );
  expect(opened.errors).toEqual([]);
});

it("lies beside the page that is built with it, within the page's own policy", {
  timeout: 180_000,
}, async () => {
  const built = await buildPage({ fake: false, model: join(models, "tiny") });
  try {
    const { page, url, errors, requests, close } = await openApp(built);
    await page.waitForSelector("#status[data-adapter=open]", { timeout: 120_000 });
    await expect.poll(() => page.locator("#status").textContent()).toContain("model tiny");
    expect(await page.getByLabel("Begin with").inputValue()).toBe("released");
    expect(requests.filter((each) => !each.startsWith(url) && !each.startsWith("blob:"))).toEqual([]);
    await close();
    expect(errors).toEqual([]);
  } finally {
    built.remove();
  }
});
