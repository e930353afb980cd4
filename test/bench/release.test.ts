// A released model made from a run's folder: the encoder and nothing else, a card that says what its files say, and every way in which run,
// scores and card can fail to belong together. What lies in models/ is held to its cards, too.
import { createHash } from "node:crypto";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { StudyResults } from "../../bench/learning/results.js";
import {
  checkRelease,
  mostBytes,
  type ReleaseOptions,
  release,
  scoreAnew,
  writeCard,
} from "../../bench/release/release.js";
import { readSafetensors } from "../../src/io/safetensors.js";
import { preset } from "../../src/patchifier/config.js";
import { encoderSizes, encoderSpecs } from "../../src/patchifier/encoder.js";
import { withObjective } from "../../src/patchifier/objectives.js";
import { Random } from "../../src/tensor/random.js";
import type { RunConfig } from "../../src/train/config.js";
import { weightsDigest } from "../../src/train/feature-stores.js";
import { loadModel } from "../../src/train/load-model.js";
import { modelsFolder, releasedModels } from "../../src/train/released.js";
import { freshSeed, useGpu } from "../support/gpu.js";
import { tinyModel, tinyNormalisation, writeRun } from "../support/run-folder.js";

const gpu = useGpu();
const seed = freshSeed("release");
const random = new Random(seed);
const root = mkdtempSync(join(tmpdir(), "melgrad-release-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));
const at = (...path: string[]) => join(root, ...path);
const models = at("models");

const steps = 7;
const pretrain = { ...preset("demo").pretrain, steps, batch: 3 };
const config: RunConfig = {
  ...{ format: 1, melgrad: "0.0.0", created: "2026-01-02T03:04:05Z", preset: "demo", seed: 11 },
  command: `melgrad train --data mixed+arranged --init "${at("runs", "before")}" --out ${at("runs", "x")} --steps 7`,
  data: { kind: "corpus", name: "mixed" },
  model: tinyModel,
  pretrain,
  ...{ checkpointEvery: 1, evaluateEvery: 1, adapter: { name: "an adapter", software: true } },
  normalisation: tinyNormalisation,
  init: at("runs", "before", "checkpoint", "model.safetensors"),
  corpus: {
    ...{ name: "mixed", why: "", pieces: 61, tracks: 67, hours: 2.03, heldOutPieces: ["a", "b"] },
    licences: [{ source: "songs | of people", licence: "GPL-2+" }],
    skipped: [{ path: at("music", "broken.wav"), reason: "truncated" }],
    fingerprint: "0",
  },
};
const log = Array.from({ length: steps }, (_, i) => ({
  ...{ step: i + 1, loss: 60 - i, lr: 1e-3, gradNorm: 1, stepMs: 1000 * (i + 1), clipsPerSecond: 1 },
}));
const heldOut = [0, 7].map((step) => ({
  step,
  loss: 60 - step,
  infonce: 3.9 - step / 10,
  reconstruct: 1 + 1 / (1 + step),
}));
let weights: string;

beforeAll(async () => {
  await writeRun(gpu(), at("run"), seed % 1000);
  writeFileSync(at("run", "config.json"), JSON.stringify(config));
  for (const [name, lines] of [
    ["log", log],
    ["heldout", heldOut],
  ] as const) {
    writeFileSync(at("run", `${name}.jsonl`), lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
  }
  // The run whose encoder it began with.
  const { init: _, ...first } = config;
  mkdirSync(at("runs", "before", "checkpoint"), { recursive: true });
  const command = `melgrad train --data mixed --steps 5 --out ${at("runs", "before")}`;
  const before = { ...first, command, pretrain: { ...pretrain, steps: 5 } };
  writeFileSync(at("runs", "before", "config.json"), JSON.stringify(before));
  cpSync(at("run", "model.safetensors"), at("runs", "before", "checkpoint", "model.safetensors"));
  const { model } = await loadModel(gpu(), at("run"));
  weights = await weightsDigest(model);
  model.dispose();
});

/** Scores that are drawn anew, as a probe's table; so far apart that the differences are told by their intervals. */
function probeTable() {
  const names = ["pretrained", "random", "log-mel mean+std", "mfcc", "all hand-made", "Krumhansl"];
  const task = (name: string) => {
    const scores = names.map(() => random.uniform());
    const contrasts = names.slice(1).map((against, i) => {
      const difference = scores[0] - scores[i + 1];
      const ci95 = [difference - 0.01, difference + 0.01];
      return { against, difference, ci95, halfWidth: 0.01, detectable: 0.02, p: 0.01 };
    });
    const rows = names.map((features, i) => ({
      ...{ features, mean: scores[i], std: 0, ci95: [scores[i] - 0.02, scores[i] + 0.03] },
      values: i === 1 ? [scores[i], scores[i]] : [scores[i]],
    }));
    return { task: name, metric: "R²", chance: 0.125, testClips: 345, testPieces: 67, rows, contrasts };
  };
  const made = {
    date: "2026-03-04",
    melgrad: "0.0.0",
    adapter: "an adapter",
    weights,
    pool: "time",
    size: "study",
  };
  return { tasks: [task("key"), task("style")], verdict: "", made: { ...made, taskSeed: 1 } };
}

const releasing = (more: Partial<ReleaseOptions> = {}) =>
  release({ run: at("run"), models, name: "tiny", ...more });
const written = (name: string, value: unknown) => {
  writeFileSync(at(name), JSON.stringify(value));
  return at(name);
};

describe("a released model", () => {
  it("is the run's encoder, with a card of its scores, and the default", async () => {
    const table = probeTable();
    await releasing({ scores: written("table.json", table) });
    const bytes = readFileSync(join(models, "tiny", "model.safetensors"));
    const own = readSafetensors(readFileSync(at("run", "model.safetensors")));
    const tensors = readSafetensors(bytes);
    expect([...tensors.keys()].sort()).toEqual(
      encoderSpecs(encoderSizes(tinyModel))
        .map(({ name }) => name)
        .sort(),
    );
    for (const [name, { data }] of tensors) expect(data, name).toEqual(own.get(name)?.data);
    expect(await releasedModels(models)).toEqual({ names: ["tiny"], usual: "tiny" });
    const { model, config: read } = await loadModel(gpu(), join(models, "tiny"));
    expect(await weightsDigest(model)).toBe(weights);
    model.dispose();
    expect(read.model).toEqual(tinyModel);

    const files = ["config.json", "card.json", "README.md"].map((name) =>
      readFileSync(join(models, "tiny", name), "utf8"),
    );
    for (const text of files) expect(text).not.toContain(root);
    const card = files[2];
    const count = [...tensors.values()].reduce((sum, { data }) => sum + data.length, 0);
    for (const words of [
      `${count.toLocaleString("en-US")} parameters`,
      createHash("sha256").update(bytes).digest("hex"),
      "7 steps of 3 crops, 21 crops in all (0.00597 hours heard), in 28 s on an adapter", // 21 · 32 · 512 / 16000 s
      "It began with the encoder of an earlier run, 5 steps of 3 crops,",
      createHash("sha256")
        .update(readFileSync(at("run", "model.safetensors")))
        .digest("hex"),
      "\nmelgrad train --data mixed --steps 5 --out runs/first\n" +
        "melgrad train --data mixed+arranged --init runs/first --steps 7\n",
      "61 pieces, 67 tracks, 2.03 hours; held out: 2 pieces",
      "| songs \\| of people | GPL-2+ |",
      "| InfoNCE | 3.9 | 3.2 |",
      "345 clips in 67 families",
      "clips of seed 1, on which nothing was chosen (study)",
    ]) {
      expect(card).toContain(words);
    }
    expect(card).not.toContain("hand-made targets");
    for (const { rows, contrasts } of table.tasks) {
      for (const { mean } of rows) expect(card).toMatch(new RegExp(`[ *]${mean.toFixed(3)}[ *]`));
      for (const { difference } of contrasts)
        expect(card).toContain(` ${difference.toFixed(3).replace("-", "−")} (`);
    }
    const won = (names: string[]) =>
      table.tasks.filter(({ contrasts }) =>
        contrasts.filter(({ against }) => names.includes(against)).every(({ ci95 }) => ci95[0] > 0),
      ).length;
    expect(card).toContain(
      `Ahead of random weights on ${won(["random"])} of 2 tasks, of every single kind of hand-made features on ` +
        `${won(["log-mel mean+std", "mfcc"])} of 2 tasks, of all of them joined on ${won(["all hand-made"])} of 2 tasks`,
    );
    await checkRelease(join(models, "tiny"));
  });

  it("is held to its card", async () => {
    await releasing({ scores: written("table.json", probeTable()) });
    const folder = join(models, "tiny");
    const spoiled = async (file: string, change: (text: string) => string | Buffer) => {
      const before = readFileSync(join(folder, file));
      const after = change(before.toString("latin1"));
      expect(after).not.toEqual(before.toString("latin1"));
      writeFileSync(join(folder, file), after, typeof after === "string" ? "latin1" : undefined);
      await expect(checkRelease(folder), file).rejects.toThrow(/not what|another batch|is of/);
      writeFileSync(join(folder, file), before);
    };
    await spoiled("README.md", (text) => text.replace("7 steps", "9 steps"));
    await spoiled("card.json", (text) =>
      text.replace(/"score": 0\.(\d)/, (_, digit) => `"score": 0.${(Number(digit) + 1) % 10}`),
    );
    await spoiled("card.json", (text) => text.replace('"seconds": 28', '"seconds": 280'));
    await spoiled("config.json", (text) => text.replace('"hours": 2.03', '"hours": 3.03'));
    await spoiled("config.json", (text) => text.replace('"batch": 3', '"batch": 4'));
    await spoiled("model.safetensors", (text) => {
      const bytes = Buffer.from(text, "latin1");
      bytes[bytes.length - 3] ^= 1;
      return bytes;
    });
    await checkRelease(folder);
    cpSync(folder, join(models, "moved"), { recursive: true });
    await expect(checkRelease(join(models, "moved"))).rejects.toThrow(/card\.json is of 'tiny'/);
    rmSync(join(models, "moved"), { recursive: true });
    const card = readFileSync(join(folder, "README.md"), "utf8");
    writeFileSync(join(folder, "README.md"), "");
    await writeCard(folder);
    expect(readFileSync(join(folder, "README.md"), "utf8")).toBe(card);
  });

  it("says what it was trained towards, and that it has no scores where it has none", async () => {
    cpSync(at("run"), at("taught"), { recursive: true });
    const taught = { ...config, pretrain: withObjective(tinyModel, pretrain, "targets+tracks") };
    writeFileSync(at("taught", "config.json"), JSON.stringify(taught));
    await releasing({ run: at("taught"), name: "taught" });
    const card = readFileSync(join(models, "taught", "README.md"), "utf8");
    expect(card).toContain("**towards hand-made targets**");
    expect(card).toContain("**It has not been scored.**");
    rmSync(join(models, "taught"), { recursive: true });
  });

  it("takes the study's scores of an arm with its settings, and says that they are the arm's", async () => {
    const [{ metric, rows, contrasts }] = probeTable().tasks;
    const evaluation = {
      ...{ metric, chance: 0.125, clips: 345, families: 67, folds: 5, times: 2000, contrasts },
      rows: rows.map(({ features, mean, ci95, values }) => ({
        name: features,
        score: mean,
        ci95,
        scores: values,
      })),
    };
    const arm = (more: object, music = "mixed") => ({
      asks: "",
      settings: { music, model: tinyModel, pretrain: { ...pretrain, ...more } },
      standings: { key: evaluation },
    });
    const study = {
      ...{
        format: 2,
        date: "2026-03-05",
        melgrad: "0.0.0",
        adapter: "another",
        budget: { used: 1 },
        tasks: {},
      },
      plan: {
        steps: [0, 2000],
        seeds: 3,
        randomSeeds: 5,
        size: "study",
        taskSeed: 0,
        tasks: ["key"],
        pool: "time",
      },
      arms: {
        same: arm({ steps: 2000 }),
        probed: { ...arm({ steps: 2000 }), weights },
        another: { ...arm({ steps: 2000 }), weights: "0" },
        slower: arm({ lr: 0.25 }, "starter"),
        wider: { ...arm({}), settings: { music: "mixed", model: { ...tinyModel, width: 32 }, pretrain } },
      },
      rows: ["same", "slower"].flatMap((name) =>
        [0, 1, 2].map((each) => ({ arm: name, seed: each, step: 2000, scores: {}, seconds: 1 })),
      ),
    } as unknown as StudyResults;
    const scores = written("ablation.json", study);
    await releasing({ scores, arm: "same" });
    const card = () => readFileSync(join(models, "tiny", "README.md"), "utf8");
    expect(card()).toContain(
      "arm “same” of the study (ablation.json): 3 training seeds, 2,000 steps, otherwise with the settings",
    );
    expect(card()).toContain("They are not the scores of these very weights.");
    expect(card()).toContain("clips of seed 0, on which settings were chosen as well");
    await releasing({ scores, arm: "probed" });
    expect(card()).toContain("Of these weights (ablation.json).");
    await expect(releasing({ scores, arm: "another" })).rejects.toThrow(
      /scores of other weights under another/,
    );
    await releasing({ scores, arm: "slower" });
    expect(card()).toContain(`with music starter, this model's mixed; lr 0.25, this model's ${pretrain.lr}`);
    await expect(releasing({ scores })).rejects.toThrow(
      /--arm with one of same; probed; another; slower; wider/,
    );
    await expect(releasing({ scores, arm: "wider" })).rejects.toThrow(
      /another model: width 32, this run's 16/,
    );
  });

  it("is refused where run, scores and name do not go together", async () => {
    const other = probeTable();
    other.made.weights = "0";
    await expect(releasing({ scores: written("other.json", other) })).rejects.toThrow(
      /scores of other weights/,
    );
    const unsaid = { ...probeTable(), made: undefined };
    await expect(releasing({ scores: written("unsaid.json", unsaid) })).rejects.toThrow(/does not say how/);
    await expect(releasing({ scores: written("odd.json", { a: 1 }) })).rejects.toThrow(/neither a table/);
    await expect(releasing({ scores: written("table.json", probeTable()), arm: "a" })).rejects.toThrow(
      /--arm is of/,
    );
    await expect(releasing({ name: "../out" })).rejects.toThrow(/no name of a model/);
    await expect(releasing({ run: at("nowhere") })).rejects.toThrow(/not a run's folder/);
    mkdirSync(at("short"));
    for (const name of ["config.json", "model.safetensors"]) cpSync(at("run", name), at("short", name));
    await expect(releasing({ run: at("short") })).rejects.toThrow(/ends at step undefined of 7/);
  });
});

it("takes other scores of its own weights, and of no others", async () => {
  await release({ run: at("run"), models, name: "scored" });
  const before = readFileSync(at("models", "scored", "model.safetensors"));
  const anew = { models, name: "scored", scores: written("anew.json", probeTable()) };
  await scoreAnew(anew);
  await checkRelease(at("models", "scored"));
  expect(readFileSync(at("models", "scored", "README.md"), "utf8")).toContain("anew.json");
  expect(readFileSync(at("models", "scored", "model.safetensors")).equals(before)).toBe(true);
  const card = readFileSync(at("models", "scored", "card.json"), "utf8");
  const other = probeTable();
  other.made.weights = "0";
  await expect(scoreAnew({ ...anew, scores: written("theirs.json", other) })).rejects.toThrow(
    /other weights/,
  );
  expect(readFileSync(at("models", "scored", "card.json"), "utf8")).toBe(card);
});

it("what is released lies in models/ as its cards say", async () => {
  const folder = modelsFolder() ?? "";
  const { names, usual } = await releasedModels(folder);
  for (const name of names) {
    await checkRelease(join(folder, name));
    expect(readFileSync(join(folder, name, "model.safetensors")).length).toBeLessThanOrEqual(mostBytes);
  }
  expect(usual === undefined ? names : names.includes(usual)).toEqual(usual === undefined ? [] : true);
});
