// A whole run: music, log-mels, training, weights. It prepares what the loop needs, resumes where a checkpoint stands, and
// leaves the run's folder complete; the probe and the report come after it (finish.ts).
import { CropSampler, normalisation, randomAt, type Split, splitByPiece } from "../data/batches.js";
import { isCorpusName } from "../data/corpora/index.js";
import type { MelStore } from "../data/mel-store.js";
import type { Corpus, OnProgress } from "../data/types.js";
import { DataError, UsageError } from "../gpu/errors.js";
import type { TuningTable } from "../gpu/tuner-store.js";
import { exists, writeWhole } from "../host/cache.js";
import { alone, type ProcessGroup, share } from "../host/group.js";
import { objectiveKind } from "../patchifier/objectives.js";
import type { Gpu } from "../tensor/gpu.js";
import { fingerprint, modelFingerprint, readCheckpoint, serialise, writeCheckpoint } from "./checkpoint.js";
import { intervals, parseConfig, type RunConfig, type RunSettings, resolveSettings } from "./config.js";
import { divide } from "./division.js";
import { trainLoop } from "./loop.js";
import { checkSameMusic, contentsOf, musicName, prepareMusic, tracksFingerprint } from "./music.js";
import type { Phase } from "./phases.js";
import { preflight } from "./preflight.js";
import { type GivenSettings, goOnWith } from "./resume-rules.js";
import type { HeldOutLine, LogLine, RunFolder } from "./run-folder.js";
import { stuckParts } from "./standing.js";
import { type Beginning, beginFrom } from "./start-from.js";
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

interface PretrainOptions {
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
  kept.music ??= await prepareMusic(options, data, seed, model, chroma);
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
  if (resumed) await checkSameMusic(run, resumed, store);

  events.phase?.("pre-training");
  const trainer = new Trainer(gpu, { ...config, accumulate, seed, sampler, heldOut, group });
  const save = () => saveRun(run, trainer, store, group);
  if (resumed) await goOn(options, trainer, config, goingOn.changes);
  else await begin(options, trainer, config, { beginning, store, save });
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

/** Writes a checkpoint, after the processes have found that their weights are alike. */
async function saveRun(
  run: RunFolder,
  trainer: Trainer,
  store: MelStore,
  group: ProcessGroup,
): Promise<void> {
  const weights = await trainer.model.parameters.read();
  if (group.size > 1) await checkWeights(weights, group);
  if (group.rank > 0) return;
  const { seed, model, normalisation } = trainer.options;
  await writeCheckpoint(run.checkpointPath, {
    weights,
    optimizer: await trainer.optimizer.state(),
    objective: await trainer.objective.state?.(),
    state: {
      step: trainer.step,
      seed,
      model: modelFingerprint(model),
      data: tracksFingerprint(store),
      normalisation,
    },
  });
}

/** Brings a resumed run's trainer to its checkpoint, and notes in its config what is changed from there on. */
async function goOn(
  { run, events, group = alone }: PretrainOptions,
  trainer: Trainer,
  config: RunConfig,
  changes: readonly string[],
): Promise<void> {
  await trainer.check();
  if (group.rank > 0) return;
  await restore(run, trainer, config, events);
  if (changes.length === 0) return;
  const { step } = trainer;
  for (const change of changes) events.note(`changed after step ${step}: ${change}`);
  config.changes = [...(config.changes ?? []), { step, what: [...changes] }];
  await run.writeJson("config.json", config);
}

/** Makes a new run's folder complete: where config.json stands there is a checkpoint, and the run has begun. */
async function begin(
  { gpu, run, events, signal, group = alone }: PretrainOptions,
  trainer: Trainer,
  config: RunConfig,
  { beginning, store, save }: { beginning?: Beginning; store: MelStore; save(): Promise<void> },
): Promise<void> {
  const lead = group.rank === 0;
  await beginning?.put(trainer.model);
  if (lead) await tuneKernels(trainer, events, signal);
  if (group.size > 1) followKernels(gpu, await share(group, () => trainer.kernels()), events);
  await trainer.check();
  if (lead) await run.writeJson(kernelsName, trainer.kernels());
  if (lead) await run.writeJson(musicName, contentsOf(store));
  await save();
  if (lead) await run.writeJson("config.json", config); // last
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
