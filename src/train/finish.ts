// What comes after training: the probe of the frozen features and the report. Both read the run; neither changes weights.

import { arch, platform, release } from "node:os";
import { randomAt } from "../data/batches.js";
import { patchGrid } from "../patchifier/config.js";
import { objectiveKind } from "../patchifier/objectives.js";
import { CropEncoder } from "../probe/crop-encoder.js";
import type { Gpu } from "../tensor/gpu.js";
import { type Heard, whyNotAhead } from "./bounds.js";
import { makeFigures } from "./figures.js";
import type { PretrainedRun, RunEvents } from "./pretrain.js";
import { type ProbeOutcome, runProbes } from "./probe.js";
import type { EmbeddingMap, ReportData } from "./report/types.js";
import type { LogLine, RunFolder } from "./run-folder.js";
import { partCurves, stuckParts } from "./standing.js";

interface FinishOptions {
  gpu: Gpu;
  run: RunFolder;
  trained: PretrainedRun;
  probe: boolean;
  events: Pick<RunEvents, "note" | "phase" | "progress">;
  signal?: AbortSignal;
}

/** Probes, writes probe.json and report.html, and returns the results in a few lines of text. */
export async function finishRun(options: FinishOptions): Promise<string> {
  const { gpu, run, trained, probe, events, signal } = options;
  const { config, trainer } = trained;
  const outcome = probe
    ? await runProbes({
        gpu,
        model: trainer.model,
        modelConfig: config.model,
        normalisation: config.normalisation,
        seed: config.seed,
        handFeatures: fastEnough(gpu),
        onProgress: events.progress,
        note: events.note,
        phase: events.phase,
        signal,
      })
    : undefined;
  if (outcome) {
    const { table } = outcome;
    const why = whyNotAhead(table, heardBy(trained));
    if (why) table.verdict += `\n${why}`;
    await run.writeJson("probe.json", table);
  }
  const { writeReport } = await import("./report/page.js");
  await writeReport(run.file("report.html"), await reportData(options, outcome));
  return summary(options, outcome);
}

function heardBy({ config: { model, pretrain, corpus }, trainer }: PretrainedRun): Heard {
  const { hopLength, sampleRate } = model.frontEnd;
  return {
    steps: trainer.step,
    batch: pretrain.batch,
    cropSeconds: (model.cropFrames * hopLength) / sampleRate,
    hours: corpus.hours,
    pieces: corpus.pieces,
  };
}

/** Whether hand-made features beside the log-mel take seconds rather than minutes: not on SwiftShader, with subgroups of 4 at most. */
function fastEnough({ device: { capabilities } }: Gpu): boolean {
  return !capabilities.software || capabilities.subgroupMaxSize > 4;
}

async function reportData(options: FinishOptions, outcome: ProbeOutcome | undefined): Promise<ReportData> {
  const { run, trained } = options;
  const { config, trainer, store, split } = trained;
  const log = run.readLog();
  const figures = await makeFigures(trainer, store, split);
  const wallSeconds = log.reduce((total, { stepMs }) => total + stepMs, 0) / 1000;
  const { frontEnd, patchMels, patchFrames } = config.model;
  const { rows, columns } = patchGrid(config.model);
  const { corpus, pretrain } = config;
  return {
    run: {
      name: run.path.split(/[\\/]/).at(-1) ?? run.path,
      date: new Date().toISOString(),
      status: "finished",
      adapter: config.adapter,
      preset: config.preset,
      objective: pretrain.objective,
      seed: config.seed,
      steps: trainer.step,
      stepsPlanned: pretrain.steps,
      batch: pretrain.batch,
      parameters: trainer.model.parameters.count,
      wallSeconds,
      clipsPerSecond: (trainer.step * pretrain.batch) / wallSeconds,
      command: config.command,
      versions: {
        melgrad: config.melgrad,
        node: process.versions.node,
        system: `${platform()} ${release()} ${arch()}`,
      },
      settings: {
        "learning rate": pretrain.lr,
        "warm-up steps": pretrain.warmup,
        "weight decay": pretrain.weightDecay,
        "masked share": pretrain.maskRatio,
        "mask shape": pretrain.maskShape,
        ...objectiveKind(pretrain.objective).settings(pretrain),
        patches: `${patchMels} × ${patchFrames}, ${rows} × ${columns} a crop`,
      },
    },
    corpus: {
      name: corpus.name,
      why: corpus.why,
      licences: corpus.licences.map(({ source, licence }) => `${licence} (${source})`),
      pieces: corpus.pieces,
      clips: corpus.tracks,
      hours: corpus.hours,
      heldOutPieces: corpus.heldOutPieces.length,
      skipped: corpus.skipped.map(({ path, reason }) => ({ file: path, reason })),
    },
    log: log.map((line) => ({ ...line, loss: line.loss ?? null })),
    heldOut: run.readHeldOut(),
    parts: partCurves(trained.config, run.readHeldOut()),
    warnings: [...skippedSteps(log), ...stuckParts(trained.config, run.readHeldOut())],
    axes: {
      sampleRate: frontEnd.sampleRate,
      hopLength: frontEnd.hopLength,
      fMin: 0,
      fMax: frontEnd.sampleRate / 2,
      melScale: "slaney",
    },
    grid: { patchMels, patchFrames, rows, columns },
    ...figures,
    reconstructionNote: objectiveKind(pretrain.objective).reconstructionNote,
    map: await embeddingMap(trained, outcome),
    probe: outcome?.table,
    absent: outcome ? {} : { probe: "--no-probe was given" },
  };
}

/** The probe's embeddings where there are some, else those of crops of the music itself, coloured by piece. */
async function embeddingMap(
  { trainer, store, config }: PretrainedRun,
  outcome: ProbeOutcome | undefined,
): Promise<EmbeddingMap> {
  const { pca2d } = await import("./report/map.js");
  const source = outcome?.map ?? (await embedMusic({ trainer, store, config }));
  const { points, explained } = pca2d(
    source.vectors,
    source.labels.length,
    source.vectors.length / source.labels.length,
  );
  return {
    labelName: source.labelName,
    explained,
    points: points.map((point, i) => ({ ...point, label: source.labels[i], title: source.titles[i] })),
  };
}

async function embedMusic({ trainer, store, config }: Pick<PretrainedRun, "trainer" | "store" | "config">) {
  const { model, normalisation, seed } = config;
  const { cropFrames, frontEnd } = model;
  const random = randomAt(seed, "heldOut", 2000);
  const places = Array.from({ length: 128 }, (_, i) => {
    const clip = i % store.tracks.length;
    return { clip, start: random.integer(Math.max(1, store.tracks[clip].frames - cropFrames + 1)) };
  });
  const labels = places.map(({ clip }) => store.tracks[clip].title);
  const titles = places.map(({ start }, i) => {
    const seconds = (start * frontEnd.hopLength) / frontEnd.sampleRate;
    return `${labels[i]}, from ${seconds.toFixed(0)} s`;
  });
  const vectors = new Float32Array(places.length * model.width);
  const crops = new CropEncoder(trainer.model, { model, normalisation, batch: 16 });
  try {
    await crops.encode(store, places, (vector, i) => vectors.set(vector, i * model.width));
  } finally {
    crops.dispose();
  }
  return { vectors, labels, titles, labelName: "piece" };
}

/** A sentence on steps that changed nothing, where there are some. */
function skippedSteps(log: readonly LogLine[]): string[] {
  const steps = log.filter(({ skipped }) => skipped).map(({ step }) => step);
  if (steps.length === 0) return [];
  const named = `${steps.slice(0, 5).join(", ")}${steps.length > 5 ? ", …" : ""}`;
  return [
    `${steps.length} of ${log.length} steps were skipped, because their gradients were not finite: ${named}.`,
  ];
}

function summary({ run, trained }: FinishOptions, outcome: ProbeOutcome | undefined): string {
  const log = run.readLog();
  const heldOut = run.readHeldOut();
  const losses = log.flatMap(({ loss }) => loss ?? []);
  const lines = [
    `loss ${losses[0]?.toFixed(3)} → ${losses.at(-1)?.toFixed(3)} in ${trained.trainer.step} steps`,
    ...skippedSteps(log),
  ];
  if (heldOut.length > 1) {
    const [before, after] = [heldOut[0], heldOut[heldOut.length - 1]];
    lines.push(`held-out loss ${before.loss.toFixed(3)} → ${after.loss.toFixed(3)}`);
  }
  lines.push(...stuckParts(trained.config, heldOut));
  for (const { task, metric, rows } of outcome?.table.tasks ?? []) {
    lines.push(`${task} (${metric})`);
    for (const row of rows) {
      lines.push(`  ${row.features.padEnd(18)} ${row.mean.toFixed(3)} ± ${row.std.toFixed(3)}`);
    }
  }
  if (outcome) lines.push(outcome.table.verdict);
  lines.push(`report: ${run.file("report.html")}`);
  return lines.join("\n");
}
