// Makes the folder of a released model from a run's: the encoder's weights without heads and moments, the run's settings without what is
// this machine's, and the card with the scores of a probe or of the study. It also holds such a folder to its card. No GPU is used.
import { createHash } from "node:crypto";
import { mkdir, readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import { DataError, UsageError } from "../../src/gpu/errors.js";
import { exists, writeWhole } from "../../src/host/cache.js";
import type { NamedValues } from "../../src/nn/parameters.js";
import type { ModelConfig } from "../../src/patchifier/config.js";
import { encoderSizes, encoderSpecs } from "../../src/patchifier/encoder.js";
import { objectiveKind, standings } from "../../src/patchifier/objectives.js";
import { sameShape, sizeOf } from "../../src/tensor/shape.js";
import { deserialise, readCheckpoint, serialise } from "../../src/train/checkpoint.js";
import { parseConfig, type RunConfig } from "../../src/train/config.js";
import { encoderDigest } from "../../src/train/feature-stores.js";
import { indexName } from "../../src/train/released.js";
import type { ProbeTable } from "../../src/train/report/types.js";
import { RunFolder } from "../../src/train/run-folder.js";
import type { StudyResults } from "../learning/results.js";
import { type CardFacts, type CardPart, type CardScores, cardText } from "./card.js";

/** Most bytes of a released model: a page fetches it when it is opened. */
export const mostBytes = 4_000_000;

export interface ReleaseOptions {
  /** The run's folder. */
  run: string;
  /** The folder of released models. */
  models: string;
  name: string;
  /** A table of `melgrad probe --json`, or the results of the study; without it the run's own probe.json, where there is one. */
  scores?: string;
  /** Of the study's results. */
  arm?: string;
}

/** Writes the model's folder over the one of the same name and makes it the default. Throws before anything is written. */
export async function release({ run, models, name, scores, arm }: ReleaseOptions): Promise<CardFacts> {
  if (!/^[a-z0-9][a-z0-9.-]*$/i.test(name)) {
    throw new UsageError(`'${name}' is no name of a model: use letters, digits, points and hyphens.`);
  }
  const source = new RunFolder(run);
  if (!(await exists(source.configPath)))
    throw new UsageError(`'${run}' is not a run's folder (no config.json).`);
  const given = parseConfig(await source.readJson("config.json"), source.configPath);
  const config = publicConfig(given);
  const { weights, steps } = await trainedWeights(source, config);
  const bytes = serialise(weights);
  if (bytes.length > mostBytes) {
    throw new UsageError(
      `The encoder takes ${bytes.length} bytes, and a released model at most ${mostBytes}.`,
    );
  }
  const log = source.readLog().filter(({ step }) => step <= steps);
  const facts: CardFacts = {
    format: 1,
    name,
    weights: {
      parameters: [...weights.values()].reduce((sum, { data }) => sum + data.length, 0),
      bytes: bytes.length,
      sha256: sha256(bytes),
    },
    training: {
      steps,
      batch: config.pretrain.batch,
      seconds: Math.round(log.reduce((sum, { stepMs }) => sum + stepMs, 0) / 1000),
      parts: partsOf(source, config, steps),
      begun: given.init === undefined ? undefined : await begunOf(given.init),
    },
  };
  const probed = (await exists(source.file("probe.json"))) ? source.file("probe.json") : undefined;
  const table = scores ?? probed;
  if (table)
    facts.scores = await readScores(table, arm, config, encoderDigest(weights, encoderSizes(config.model)));
  const card = cardText(config, facts);
  for (const text of [JSON.stringify(config), JSON.stringify(facts), card]) refuseOwnPaths(text, run);

  const folder = join(models, name);
  await mkdir(folder, { recursive: true });
  await writeWhole(join(folder, "model.safetensors"), bytes);
  await writeWhole(join(folder, "config.json"), json(config));
  await writeWhole(join(folder, "card.json"), json(facts));
  await writeWhole(join(folder, "README.md"), card);
  await writeWhole(join(models, indexName), json({ default: name }));
  return facts;
}

/** Gives a released model other scores, which must be of its very weights, and prints its card. Throws before anything is written. */
export async function scoreAnew({
  models,
  name,
  scores,
  arm,
}: Omit<ReleaseOptions, "run"> & { scores: string }): Promise<void> {
  const folder = join(models, name);
  const [config, facts] = [await readConfig(folder), await readFacts(folder)];
  const path = join(folder, "model.safetensors");
  const weights = encoderOf(deserialise(await readFile(path), path), config.model, path);
  const digest = encoderDigest(weights, encoderSizes(config.model));
  facts.scores = await readScores(scores, arm, config, digest);
  await writeWhole(join(folder, "card.json"), json(facts));
  await writeCard(folder);
}

/** Prints a model's card anew from its files. */
export async function writeCard(folder: string): Promise<void> {
  await writeWhole(join(folder, "README.md"), cardText(await readConfig(folder), await readFacts(folder)));
}

/** Throws DataError where the files of a released model and its card do not say the same. */
export async function checkRelease(folder: string): Promise<void> {
  const config = await readConfig(folder);
  const facts = await readFacts(folder);
  const path = join(folder, "model.safetensors");
  const bytes = await readFile(path);
  const { sha256: wanted, bytes: size, parameters } = facts.weights;
  if (sha256(bytes) !== wanted || bytes.length !== size)
    throw new DataError(`${path} is not what card.json names.`);
  if (bytes.length > mostBytes) throw new DataError(`${path} is larger than ${mostBytes} bytes.`);
  const weights = encoderOf(deserialise(bytes, path), config.model, path);
  const names = [...deserialise(bytes, path).keys()];
  if (names.length !== weights.size) throw new DataError(`${path} holds more than the encoder.`);
  const count = [...weights.values()].reduce((sum, { data }) => sum + data.length, 0);
  if (count !== parameters) throw new DataError(`${path} has ${count} parameters, card.json ${parameters}.`);
  if (facts.name !== basename(resolve(folder)))
    throw new DataError(`${folder}: card.json is of '${facts.name}'.`);
  if (facts.training.batch !== config.pretrain.batch)
    throw new DataError(`${folder}: config.json has another batch.`);
  const card = await readFile(join(folder, "README.md"), "utf8");
  if (card !== cardText(config, facts)) {
    throw new DataError(
      `${join(folder, "README.md")} is not what its files say: npm run release:model -- --cards.`,
    );
  }
}

async function readConfig(folder: string): Promise<RunConfig> {
  const run = new RunFolder(folder);
  return parseConfig(await run.readJson("config.json"), run.configPath);
}

async function readFacts(folder: string): Promise<CardFacts> {
  const facts = (await new RunFolder(folder).readJson("card.json")) as CardFacts;
  if (facts?.format !== 1) throw new DataError(`${join(folder, "card.json")} is not a card of this version.`);
  return facts;
}

/** The encoder's last weights, and how many updates they have had. */
async function trainedWeights(
  run: RunFolder,
  config: RunConfig,
): Promise<{ weights: NamedValues; steps: number }> {
  const final = run.file("model.safetensors");
  if (await exists(final)) {
    const steps = run.readLog().at(-1)?.step;
    if (steps !== config.pretrain.steps) {
      throw new DataError(`The log of ${run.path} ends at step ${steps} of ${config.pretrain.steps}.`);
    }
    return { weights: encoderOf(deserialise(await readFile(final), final), config.model, final), steps };
  }
  const checkpoint = await readCheckpoint(run.checkpointPath);
  if (!checkpoint) throw new UsageError(`${run.path} holds no weights yet: train it first.`);
  return {
    weights: encoderOf(checkpoint.weights, config.model, run.checkpointPath),
    steps: checkpoint.state.step,
  };
}

/** The encoder's part of a model's weights. Throws DataError where it is not whole. */
function encoderOf(
  weights: NamedValues,
  model: ModelConfig,
  path: string,
): Map<string, NonNullable<ReturnType<NamedValues["get"]>>> {
  const own = new Map();
  for (const { name, shape } of encoderSpecs(encoderSizes(model))) {
    const found = weights.get(name);
    if (!found || !sameShape(found.shape, shape) || found.data.length !== sizeOf(shape)) {
      throw new DataError(`${path}: '${name}' is not what config.json says.`);
    }
    if (!found.data.every(Number.isFinite))
      throw new DataError(`${path}: '${name}' holds values that are not finite.`);
    own.set(name, found);
  }
  return own;
}

/** What the encoder began with: a run, or a released model, by the file of its weights. */
async function begunOf(file: string): Promise<CardFacts["training"]["begun"]> {
  const folder = new RunFolder(dirname(file).replace(/[\\/]checkpoint$/, ""));
  const { command, pretrain, init } = parseConfig(await folder.readJson("config.json"), folder.configPath);
  if (init !== undefined) {
    throw new UsageError(
      `${folder.path} began with another encoder itself: a card tells of two runs at most.`,
    );
  }
  const { steps, batch } = pretrain;
  return { command: publicCommand(command), steps, batch, sha256: sha256(await readFile(file)) };
}

/** The run's settings without what is of this machine: where it wrote, where its own music lay. */
function publicConfig(config: RunConfig): RunConfig {
  const { init, data, corpus } = config;
  return {
    ...config,
    command: publicCommand(config.command),
    data: data.kind === "corpus" ? data : { ...data, path: basename(data.path) },
    corpus: {
      ...corpus,
      skipped: corpus.skipped.map((each) => ({ ...each, path: basename(each.path) })),
      remarks: [],
    },
    ...(init === undefined ? {} : { init: basename(dirname(init).replace(/[\\/]checkpoint$/, "")) }),
  };
}

/** The command line without where it wrote, and with the names alone of folders elsewhere. */
function publicCommand(command: string): string {
  const words = command.match(/"(?:[^"\\]|\\.)*"|\S+/g) ?? [];
  const kept = words.filter((word, i) => !/^--out(=|$)/.test(word) && words[i - 1] !== "--out");
  return kept.map((word) => word.replace(/(^|=)"?\S*[\\/]([^\\/"]+)[\\/]?"?$/, "$1$2")).join(" ");
}

function refuseOwnPaths(text: string, run: string): void {
  for (const folder of [homedir(), process.cwd(), dirname(resolve(run))]) {
    if (folder.length > 1 && text.includes(folder)) {
      throw new DataError(`The card would name ${folder}, a folder of this machine.`);
    }
  }
}

/** The parts of the objective on held-out pieces, at the beginning and at the end. */
function partsOf(run: RunFolder, { model, pretrain }: RunConfig, steps: number): CardPart[] {
  const lines = run.readHeldOut().filter(({ step }) => step <= steps);
  const [first, last] = [lines[0], lines.at(-1)];
  if (!first || !last) return [];
  const known = standings(model, pretrain, last);
  return objectiveKind(pretrain.objective)
    .parts.filter(({ trained, name }) => trained && last[name] !== undefined)
    .map(({ name, title, plain }) => {
      const simple = plain && last[plain.measure];
      return {
        ...{ title, first: first[name], last: last[name] },
        chance: known.find((each) => each.name === name)?.chance,
        ...(plain && simple !== undefined ? { plain: { words: plain.words, value: simple } } : {}),
      };
    });
}

/** Scores from a probe's table or from the study's results. */
async function readScores(
  path: string,
  arm: string | undefined,
  config: RunConfig,
  weights: string,
): Promise<CardScores> {
  let value: unknown;
  try {
    value = JSON.parse(await readFile(path, "utf8"));
  } catch (error) {
    throw new DataError(`${path} cannot be read: ${(error as Error).message}.`);
  }
  const found = value as Partial<StudyResults & ProbeTable> | null;
  if (found?.arms && found.rows) return studyScores(value as StudyResults, path, arm, config, weights);
  if (arm !== undefined) throw new UsageError(`--arm is of the study's results, and ${path} is none.`);
  if (!Array.isArray(found?.tasks)) {
    throw new DataError(`${path} is neither a table of melgrad probe --json nor the study's results.`);
  }
  return probeScores(value as ProbeTable, path, weights);
}

function probeScores({ tasks, made }: ProbeTable, path: string, weights: string): CardScores {
  if (!made) throw new DataError(`${path} does not say how it was made: probe again with this version.`);
  if (made.weights !== weights)
    throw new UsageError(`${path} has the scores of other weights: probe this run.`);
  const { date, melgrad, adapter, size, taskSeed, pool } = made;
  return {
    ...{ of: "probe", file: basename(path), date, melgrad, adapter, size, taskSeed, pool },
    tasks: tasks.map(({ task, metric, chance, testClips, testPieces, rows, contrasts = [] }) => ({
      ...{ task, metric, chance, clips: testClips, families: testPieces },
      rows: rows.map(({ features, mean, ci95, values }) => ({
        ...{ name: features, score: mean, ci95, seeds: values.length },
      })),
      contrasts: contrasts.map(({ against, difference, ci95 }) => ({ against, difference, ci95 })),
    })),
  };
}

function studyScores(
  results: StudyResults,
  path: string,
  arm: string | undefined,
  config: RunConfig,
  weights: string,
): CardScores {
  const known = Object.keys(results.arms).filter((name) => results.arms[name].standings);
  if (arm === undefined || !known.includes(arm)) {
    throw new UsageError(`Say which arm of ${path} the model is: --arm with one of ${known.join("; ")}.`);
  }
  const { settings, weights: probed, standings: judged = {} } = results.arms[arm];
  if (probed !== undefined && probed !== weights)
    throw new UsageError(`${path} has the scores of other weights under ${arm}: probe this run.`);
  const wrong = unlike(settings.model, config.model, "this run's");
  if (wrong.length > 0) throw new UsageError(`The arm ${arm} is of another model: ${wrong.join("; ")}.`);
  const music =
    settings.music === config.corpus.name
      ? []
      : [`music ${settings.music}, this model's ${config.corpus.name}`];
  const { steps: armSteps, warmup: _w, ...armPlan } = settings.pretrain;
  const { steps: _s, warmup: _v, ...plan } = config.pretrain;
  const last = Math.max(...results.rows.filter((row) => row.arm === arm).map(({ step }) => step), 0);
  return {
    ...{
      of: "study",
      file: basename(path),
      date: results.date,
      melgrad: results.melgrad,
      adapter: results.adapter,
    },
    ...{ size: results.plan.size, taskSeed: results.plan.taskSeed, pool: results.plan.pool },
    arm: {
      ...(probed !== undefined && { these: true }),
      name: arm,
      steps: last || armSteps,
      seeds: new Set(
        results.rows.filter((row) => row.arm === arm && row.step === last).map(({ seed }) => seed),
      ).size,
      differs: [...music, ...unlike(armPlan, plan, "this model's")],
    },
    tasks: Object.entries(judged).map(([task, { metric, chance, clips, families, rows, contrasts }]) => ({
      ...{ task, metric, chance, clips, families },
      rows: rows.map(({ name, score, scores, ci95 }) => ({ name, score, ci95, seeds: scores.length })),
      contrasts: contrasts.map(({ against, difference, ci95 }) => ({ against, difference, ci95 })),
    })),
  };
}

/** Settings that are not the same, as "lr 0.001, this run's 0.003". */
function unlike(a: object, b: object, whose: string): string[] {
  return Object.keys({ ...a, ...b }).flatMap((key) => {
    const [found, wanted] = [a, b].map((each) => canonical((each as Record<string, unknown>)[key]));
    return found === wanted ? [] : [`${key} ${found}, ${whose} ${wanted}`];
  });
}

/** JSON whose keys are in order. */
function canonical(value: unknown): string {
  return (
    JSON.stringify(value, (_key, each: unknown) =>
      each && typeof each === "object" && !Array.isArray(each)
        ? Object.fromEntries(Object.entries(each).sort(([a], [b]) => (a < b ? -1 : 1)))
        : each,
    ) ?? "none"
  );
}

function json(value: unknown): string {
  return `${JSON.stringify(value, null, 1)}\n`;
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
