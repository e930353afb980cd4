// A whole run: music, log-mels, training, weights. It prepares what the loop needs, resumes where a checkpoint stands, and
// leaves the run's folder complete; the probe and the report come after it (finish.ts).
import { CropSampler, normalisation, randomAt, type Split, splitByPiece } from "../data/batches.js";
import { isCorpusName, openCorpus } from "../data/corpora/index.js";
import { openFolder } from "../data/folder.js";
import { MelStore } from "../data/mel-store.js";
import { openSetCorpus } from "../data/sets/index.js";
import type { Corpus, OnProgress } from "../data/types.js";
import { DataError, UsageError } from "../gpu/errors.js";
import type { TuningTable } from "../gpu/tuner-store.js";
import { exists, writeWhole } from "../host/cache.js";
import { alone, meet, type ProcessGroup, share } from "../host/group.js";
import type { ModelConfig } from "../patchifier/config.js";
import { checkFrontEnd } from "../patchifier/front-end.js";
import { objectiveKind } from "../patchifier/objectives.js";
import type { Gpu } from "../tensor/gpu.js";
import { fingerprint, modelFingerprint, readCheckpoint, serialise, writeCheckpoint } from "./checkpoint.js";
import {
  type DataChoice,
  intervals,
  parseConfig,
  type RunConfig,
  type RunSettings,
  resolveSettings,
} from "./config.js";
import { divide } from "./division.js";
import { trainLoop } from "./loop.js";
import type { Phase } from "./phases.js";
import { preflight } from "./preflight.js";
import { checkMusic, type GivenSettings, goOnWith, type MusicContents } from "./resume-rules.js";
import type { HeldOutLine, LogLine, RunFolder } from "./run-folder.js";
import { stuckParts } from "./standing.js";
import { beginFrom } from "./start-from.js";
import { checkAdapters, checkWeights, shareState } from "./together.js";
import { Trainer } from "./trainer.js";

/** What a run tells whoever shows it. */
export interface RunEvents {
  /** A sentence worth keeping on the screen. */
  note(text: string): void;
  /** A phase begins. */
  phase?(phase: Phase): void;
  progress: OnProgress;
  step(line: LogLine, steps: number): void;
  heldOut(line: HeldOutLine): void;
}

/** What a run keeps when it is done again with another device. */
export interface KeptBetween {
  music?: { store: MelStore; corpus: Corpus };
  /** Clips of a batch, and micro-batches that the last attempt computed it in. */
  batch?: number;
  accumulate?: number;
  /** The last step that any attempt has logged. */
  furthest?: number;
}

export interface PretrainOptions {
  gpu: Gpu;
  run: RunFolder;
  /** For a new run; a resumed one has its own. */
  settings?: RunSettings;
  /** For a resumed run: what was given again, or is to change. */
  given?: GivenSettings;
  /** Micro-batches in place of the run's, from here on. */
  accumulate?: number;
  /** What an attempt with another device left. */
  kept?: KeptBetween;
  /** The processes that train together; the first alone writes. */
  group?: ProcessGroup;
  version: string;
  command: string;
  events: RunEvents;
  signal?: AbortSignal;
}

/** A run that has been trained, as far as it went. */
export interface PretrainedRun {
  config: RunConfig;
  trainer: Trainer;
  store: MelStore;
  split: Split;
  interrupted: boolean;
}

/** Trains a new run, or goes on with one whose folder has a config.json. */
export async function pretrain(options: PretrainOptions): Promise<PretrainedRun> {
  const { gpu, run, events, signal, group = alone, kept = {} } = options;
  const lead = group.rank === 0;
  await checkAdapters(gpu, group);
  // Done again with another device, a new run may have begun.
  const begun = await share(group, () => exists(run.configPath));
  const begins = options.settings !== undefined && !begun;
  const divided = options.accumulate !== undefined && { accumulate: options.accumulate };
  const settings = begins ? { ...(options.settings as RunSettings), ...divided } : undefined;
  const found = settings
    ? undefined
    : await share(group, async () => parseConfig(await run.readJson("config.json"), run.configPath));
  const goingOn = found && goOnWith(found, { ...options.given, ...divided });
  const resumed = goingOn?.config;
  const seed = settings?.seed ?? resumed?.seed ?? 0;
  const data = settings?.data ?? (resumed as RunConfig).data;
  const { model, pretrain: plan } = settings ? resolveSettings(settings) : (resumed as RunConfig);

  const accumulate = settings?.accumulate ?? resumed?.accumulate;
  const { count, own } = divide(plan.batch, accumulate ?? 1, group); // throws now rather than after the music has been prepared
  if (group.size > 1) {
    const passes = own > 1 ? ` in ${own} micro-batches` : "";
    events.note(`${group.size} processes: each computes ${count * own} of ${plan.batch} clips${passes}`);
  }

  Object.assign(kept, { batch: plan.batch, accumulate });
  const chroma = objectiveKind(plan.objective).needsChroma ?? false;
  if (resumed) followKernels(gpu, await share(group, () => readKernels(run)), events);
  kept.music ??= await prepareData(options, data, seed, model, chroma);
  const { store, corpus } = kept.music;
  const split = splitByPiece(store.tracks, seed);
  const sampler = new CropSampler(store, split.train, model.cropFrames);
  const heldOut =
    split.heldOut.length > 0 ? new CropSampler(store, split.heldOut, model.cropFrames) : undefined;
  const beginning = settings?.init ? await beginFrom(gpu, settings.init, model) : undefined;
  const described = () =>
    describeRun(options, { model, pretrain: plan, corpus, store, split, sampler, data, seed });
  const taken = beginning && { normalisation: beginning.normalisation, init: beginning.path };
  const config =
    resumed ??
    (await share(
      group,
      () => ({ ...described(), ...taken, ...(accumulate && { accumulate }) }) as RunConfig,
    ));
  const dataFingerprint = tracksFingerprint(store);
  if (resumed) await checkSameMusic(run, resumed, store);

  events.phase?.("pre-training");
  const trainer = new Trainer(gpu, { ...config, accumulate, seed, sampler, heldOut, group });
  const save = async () => {
    const weights = await trainer.model.parameters.read();
    if (group.size > 1) await checkWeights(weights, group);
    if (!lead) return;
    await writeCheckpoint(run.checkpointPath, {
      weights,
      optimizer: await trainer.optimizer.state(),
      objective: await trainer.objective.state?.(),
      state: {
        step: trainer.step,
        seed,
        model: modelFingerprint(model),
        data: dataFingerprint,
        normalisation: config.normalisation,
      },
    });
  };
  if (resumed) {
    await trainer.check();
    if (lead) await restore(run, trainer, config, events);
    if (lead && goingOn && goingOn.changes.length > 0) {
      const { step } = trainer;
      for (const change of goingOn.changes) events.note(`changed after step ${step}: ${change}`);
      config.changes = [...(found?.changes ?? []), { step, what: goingOn.changes }];
      await run.writeJson("config.json", config);
    }
  } else {
    await beginning?.put(trainer.model);
    if (lead) await tuneKernels(trainer, events, signal);
    if (group.size > 1) followKernels(gpu, await share(group, () => trainer.kernels()), events);
    await trainer.check();
    if (lead) await run.writeJson(kernelsName, trainer.kernels());
    if (lead) await run.writeJson(musicName, contentsOf(store));
    await save();
    if (lead) await run.writeJson("config.json", config); // last: where it stands there is a checkpoint, and the run has begun
  }
  if (group.size > 1) await shareState(trainer, group);

  if (trainer.step < plan.steps) await preflight(trainer, events.note);
  const { interrupted } = await trainLoop({
    trainer,
    run,
    silent: !lead,
    steps: plan.steps,
    batch: plan.batch,
    checkpointEvery: config.checkpointEvery,
    evaluateEvery: config.evaluateEvery,
    save,
    onStep(line, steps) {
      if (line.step <= (kept.furthest ?? 0)) return; // done again after a loss, to the same numbers
      kept.furthest = line.step;
      events.step(line, steps);
    },
    onHeldOut(line) {
      if (lead) run.appendHeldOut(line);
      events.heldOut(line);
      if (line.step === plan.steps) return; // the run's summary says how its parts ended
      for (const sentence of stuckParts(config, [line])) events.note(sentence);
    },
    signal,
  });
  const exchanged = await trainer.exchange?.words();
  if (exchanged) events.note(exchanged);
  if (!interrupted && lead) {
    await writeWhole(run.file("model.safetensors"), serialise(await trainer.model.parameters.read()));
  }
  return { config, trainer, store, split, interrupted };
}

/** Beside config.json: the contents of every track. */
const musicName = "music.json";

function contentsOf(store: MelStore): MusicContents {
  return Object.fromEntries(store.tracks.map(({ id, content }) => [id, content]));
}

/** Throws DataError where the music is not what the run was started with. */
async function checkSameMusic(run: RunFolder, { corpus }: RunConfig, store: MelStore): Promise<void> {
  const { contents, fingerprint: lengths } = corpus;
  const now = contentsOf(store);
  if (contents === undefined ? lengths === tracksFingerprint(store) : contents === fingerprint(now)) return;
  if (await exists(run.file(musicName))) checkMusic((await run.readJson(musicName)) as MusicContents, now);
  throw new DataError(
    "The music is not what this run was started with (files were added, removed or changed): put it back as it was, or start a new run with another --out.",
  );
}

/** Beside config.json: which kernels the run computes with. Not to be had by the same settings on another adapter. */
const kernelsName = "kernels.json";

/** Measures the kernels of the training step where --tune asks for it. */
async function tuneKernels(
  trainer: Trainer,
  events: RunEvents,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { tuner } = trainer.gpu.device;
  if (tuner.mode !== "off") events.note("measuring kernels for this training …");
  const results = await trainer.tune({
    signal,
    onResult({ family, bucket, choice, gain }, done, total) {
      const verdict = choice === "" ? "the usual one" : `${choice}, ${gain.toFixed(2)} times as fast`;
      events.note(`  ${done}/${total} ${family} ${bucket}: ${verdict}`);
    },
  });
  if (results.length > 0) events.note(`${results.length} choices are kept for the next run on this adapter`);
  for (const note of tuner.notes) events.note(note);
}

/** Absent where the run was begun before runs took their kernels down. */
async function readKernels(run: RunFolder): Promise<TuningTable | undefined> {
  return (await exists(run.file(kernelsName)))
    ? ((await run.readJson(kernelsName)) as TuningTable)
    : undefined;
}

/** A resumed run computes with the kernels it began with, whatever was measured meanwhile. */
function followKernels(gpu: Gpu, kernels: TuningTable | undefined, events: RunEvents): void {
  if (!kernels) return;
  const { tuner } = gpu.device;
  tuner.mode = "off";
  const before = tuner.notes.length;
  tuner.follow(kernels);
  for (const note of tuner.notes.slice(before)) events.note(note);
}

/** Opens the music and its log-mels. The first of several processes fetches and renders it; each transforms its share. */
async function prepareData(
  { gpu, events, signal, group = alone }: PretrainOptions,
  data: DataChoice,
  seed: number,
  model: ModelConfig,
  chroma: boolean,
): Promise<{ store: MelStore; corpus: Corpus }> {
  const onProgress = events.progress;
  events.phase?.("music");
  if (group.rank > 0) await meet(group);
  const corpus = await openMusic(data, seed, events, signal);
  if (group.rank === 0 && group.size > 1) await meet(group);
  events.note(`music: ${corpus.name} (${corpus.why})`);
  await checkFrontEnd(gpu, model.frontEnd);
  events.phase?.("log-mels");
  const store = await MelStore.build(gpu, corpus, model.frontEnd, { chroma, onProgress, signal, group });
  const skipped = [...corpus.skipped, ...store.skipped];
  if (skipped.length > 0) {
    events.note(`skipped ${skipped.length} of ${skipped.length + store.tracks.length} files:`);
    for (const { path, reason } of skipped.slice(0, 20)) events.note(`  ${path}: ${reason}`);
    if (skipped.length > 20) events.note(`  … and ${skipped.length - 20} more (config.json names them all)`);
  }
  if (store.remarks.length > 0) {
    events.note(
      `odd, and used all the same, ${store.remarks.length === 1 ? "1 file" : `${store.remarks.length} files`}:`,
    );
    for (const { path, text } of store.remarks.slice(0, 20)) events.note(`  ${path}: ${text}`);
    if (store.remarks.length > 20)
      events.note(`  … and ${store.remarks.length - 20} more (config.json names them all)`);
  }
  return { store, corpus: { ...corpus, skipped } };
}

async function openMusic(
  data: DataChoice,
  seed: number,
  { note, progress: onProgress }: RunEvents,
  signal: AbortSignal | undefined,
): Promise<Corpus> {
  if (data.kind !== "corpus" && !(await exists(data.path))) {
    throw new DataError(
      `The music of this run was in ${data.path}, which is not there: write --data FOLDER with where it is now.`,
    );
  }
  switch (data.kind) {
    case "folder":
      return openFolder(data.path, { onProgress, signal });
    case "set":
      return openSetCorpus(data.set, data.path, data.subset, { seed, note, onProgress, signal });
    case "corpus":
      return openCorpus(data.name, { tracks: data.tracks, onProgress, signal });
  }
}

function describeRun(
  { gpu, settings, version, command }: PretrainOptions,
  made: Pick<RunConfig, "model" | "pretrain" | "data" | "seed"> & {
    corpus: Corpus;
    store: MelStore;
    split: Split;
    sampler: CropSampler;
  },
): RunConfig {
  const { model, pretrain, data, seed, corpus, store, split, sampler } = made;
  const { adapterName, software } = gpu.device.capabilities;
  const { hopLength, sampleRate } = model.frontEnd;
  const frames = store.tracks.reduce((total, track) => total + track.frames, 0);
  return {
    format: 1,
    melgrad: version,
    created: new Date().toISOString(),
    command,
    preset: settings?.preset ?? "",
    seed,
    // What `auto` chose, so that a resumed run takes the same music.
    data: data.kind === "corpus" && isCorpusName(corpus.name) ? { ...data, name: corpus.name } : data,
    model,
    pretrain,
    ...intervals(pretrain.steps),
    adapter: { name: adapterName, software },
    normalisation: normalisation(sampler, randomAt(seed, "split", 1)),
    corpus: {
      name: corpus.name,
      why: corpus.why,
      pieces: new Set(store.tracks.map(({ piece }) => piece)).size,
      tracks: store.tracks.length,
      hours: (frames * hopLength) / sampleRate / 3600,
      heldOutPieces: [...new Set(split.heldOut.map((i) => store.tracks[i].piece))],
      licences: corpus.licences,
      skipped: corpus.skipped,
      remarks: [...store.remarks],
      fingerprint: tracksFingerprint(store),
      contents: fingerprint(contentsOf(store)),
    },
  };
}

async function restore(
  run: RunFolder,
  trainer: Trainer,
  config: RunConfig,
  events: RunEvents,
): Promise<void> {
  const checkpoint = await readCheckpoint(run.checkpointPath);
  if (!checkpoint) {
    events.note("there is no checkpoint yet: starting from the first step");
    run.cutLog(0);
    return;
  }
  const { state, weights, optimizer, objective } = checkpoint;
  if (state.model !== modelFingerprint(config.model)) {
    throw new DataError(
      `The checkpoint in ${run.path} is of another model than its config.json: it cannot be resumed.`,
    );
  }
  if (state.seed !== config.seed) {
    throw new UsageError(
      `The checkpoint in ${run.path} was made with seed ${state.seed}, not ${config.seed}.`,
    );
  }
  if (state.step > config.pretrain.steps) {
    throw new UsageError(
      `${run.path} has done ${state.step} steps already: write a larger --steps, or none to leave it as it is.`,
    );
  }
  trainer.model.parameters.write(weights);
  trainer.optimizer.restore(optimizer, state.step);
  trainer.objective.restore?.(objective ?? new Map());
  run.cutLog(state.step);
  events.note(`resuming after step ${state.step} of ${config.pretrain.steps}`);
}

function tracksFingerprint(store: MelStore): string {
  return fingerprint(store.tracks.map(({ id, frames }) => [id, frames]));
}
