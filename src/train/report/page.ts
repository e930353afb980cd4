// The run's report: one HTML file that opens offline, made from plain data. Its security policy forbids every request, so
// nothing can be fetched even by mistake. Not here: the numbers' making (the loop, the probe) and each part's drawing.

import { rename, rm, writeFile } from "node:fs/promises";
import { DataError } from "../../gpu/errors.js";
import { renderAttention } from "./attention.js";
import { renderCurves, smooth } from "./curves.js";
import { renderMap } from "./embedding.js";
import { escapeHtml, formatDuration, formatNumber, plural } from "./html.js";
import { renderReconstructions, renderSpectrogram } from "./images.js";
import { bestRow, renderProbe } from "./probe-table.js";
import { STYLE } from "./style.js";
import type { CorpusSummary, ReportData, ReportPart, RunSummary } from "./types.js";

const SHOWN_SKIPPED = 8;

const PARTS: { id: ReportPart; short: string; title: string; intro?: string }[] = [
  {
    id: "probe",
    short: "Probe",
    title: "What the features are worth",
    intro:
      "Small classifiers read frozen features and are judged on pieces that they never saw. Only the comparison with the baselines counts.",
  },
  { id: "curves", short: "Curves", title: "Training curves" },
  { id: "spectrogram", short: "Spectrogram", title: "A clip as the model reads it" },
  { id: "reconstructions", short: "Reconstructions", title: "Masked patches and their reconstructions" },
  { id: "attention", short: "Attention", title: "Attention" },
  { id: "map", short: "Map", title: "Map of the embeddings" },
  { id: "corpus", short: "Music", title: "The music" },
];

/**
 * The whole report as HTML. Parts that are absent are named with the reason that `data.absent` gives.
 * Throws ShapeError where an array does not have the shape that types.ts states.
 */
export function renderReport(data: ReportData): string {
  const { run } = data;
  const { grid, axes } = data;
  const bodies: Record<ReportPart, string | undefined> = {
    probe: data.probe && renderProbe(data.probe),
    curves: data.log && renderCurves({ ...data, log: data.log }),
    spectrogram: data.spectrogram && renderSpectrogram(data.spectrogram, axes, grid),
    reconstructions:
      data.reconstructions &&
      grid &&
      renderReconstructions(data.reconstructions, grid, axes, data.reconstructionNote),
    attention: data.attention && grid && renderAttention(data.attention, grid, axes),
    map: data.map && renderMap(data.map),
    corpus: data.corpus && renderCorpus(data.corpus),
  };
  const present = PARTS.filter((p) => bodies[p.id]);
  const sections = present.map(
    (p) =>
      `<section id="${p.id}"><h2>${escapeHtml(p.title)}</h2>${p.intro ? `<p class="intro">${escapeHtml(p.intro)}</p>` : ""}${bodies[p.id]}</section>`,
  );
  const missing = PARTS.filter((p) => !bodies[p.id]);
  if (missing.length > 0) {
    const items = missing.map((p) => {
      const reason = data.absent?.[p.id] ?? "the run left nothing to show here";
      return `<li id="${p.id}"><b>${escapeHtml(p.short)}</b>: ${escapeHtml(reason)}</li>`;
    });
    sections.push(
      `<section id="missing"><h2>Not in this report</h2><ul class="missing">${items.join("")}</ul></section>`,
    );
  }
  const links = [
    ...present,
    ...(missing.length > 0 ? [{ id: "missing", short: "Missing parts" }] : []),
    { id: "run", short: "Run" },
  ]
    .map((p) => `<li><a href="#${p.id}">${escapeHtml(p.short)}</a></li>`)
    .join("");
  const planned = run.stepsPlanned !== undefined ? ` of ${formatNumber(run.stepsPlanned, 9)}` : "";
  const banner =
    run.status === "interrupted"
      ? `<p class="banner"><b>This run was interrupted</b> after ${formatNumber(run.steps, 9)}${planned} steps. What follows covers the steps that were made.</p>`
      : "";
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none';img-src data:;style-src 'unsafe-inline'">
<meta name="color-scheme" content="light dark">
<title>${escapeHtml(run.name)} · training report</title>
<style>${STYLE}</style>
</head>
<body>
<header>
<h1>${escapeHtml(run.name)}</h1>
<p class="lead">Patchifier, preset <b>${escapeHtml(run.preset)}</b>, objective <b>${escapeHtml(run.objective)}</b>, on ${escapeHtml(run.adapter.name)} (${run.adapter.software ? "software" : "hardware"} adapter), ${escapeHtml(formatDate(run.date))}</p>
${banner}${tiles(data)}
<nav aria-label="Parts of the report"><ul>${links}</ul></nav>
</header>
<main>
${sections.join("\n")}
${renderRun(run)}
</main>
<footer>One file, no requests: it can be kept, sent and opened offline.</footer>
</body>
</html>
`;
}

/**
 * Renders and writes the report: beside its place first, then renamed, so that a half-written one never stands there.
 * Throws DataError where the file cannot be written.
 */
export async function writeReport(path: string, data: ReportData): Promise<void> {
  const html = renderReport(data);
  const beside = `${path}.${process.pid}.tmp`;
  try {
    await writeFile(beside, html);
    await rename(beside, path);
  } catch (error) {
    await rm(beside, { force: true }).catch(() => {});
    const reason = error instanceof Error ? error.message : String(error);
    throw new DataError(
      `The report could not be written to ${path}: ${reason}. Free some space or choose another --out.`,
    );
  }
}

/** "2025-03-01T12:30:00Z" → "2025-03-01 12:30 UTC"; anything else stays as it is. */
function formatDate(text: string): string {
  const time = new Date(text);
  if (Number.isNaN(time.getTime())) return text;
  return `${time.toISOString().slice(0, 16).replace("T", " ")} UTC`;
}

/** The figures that a reader wants first. */
function tiles(data: ReportData): string {
  const { run, corpus, probe } = data;
  const items: [string, string, string][] = [];
  const losses = (data.log ?? []).flatMap((p) =>
    typeof p.loss === "number" && Number.isFinite(p.loss) ? [{ step: p.step, value: p.loss }] : [],
  );
  if (losses.length > 1) {
    const line = smooth(losses);
    const from = line[0].value;
    const to = line[line.length - 1].value;
    const change =
      from > 0 ? `${to <= from ? "down" : "up"} ${formatNumber(Math.abs(100 * (1 - to / from)), 2)} %` : "";
    items.push(["Loss", `${formatNumber(from, 3)} → ${formatNumber(to, 3)}`, change]);
  }
  if (probe && probe.tasks.length > 0) {
    const won = probe.tasks.filter((t) => bestRow(t)?.features === "pretrained").length;
    items.push([
      "Pre-training leads on",
      `${won} of ${probe.tasks.length}`,
      `probe ${probe.tasks.length === 1 ? "task" : "tasks"}`,
    ]);
  }
  items.push(["Steps", formatNumber(run.steps, 9), run.batch ? `batches of ${run.batch}` : ""]);
  const pace = run.clipsPerSecond === undefined ? "" : `${formatNumber(run.clipsPerSecond, 3)} clips/s`;
  items.push(["Wall time", formatDuration(run.wallSeconds), pace]);
  if (corpus)
    items.push([
      "Music",
      plural(corpus.pieces, "piece"),
      `${plural(corpus.clips, "clip")}, ${formatHours(corpus.hours)}`,
    ]);
  if (run.parameters !== undefined) items.push(["Parameters", shortCount(run.parameters), "float32"]);
  const html = items.map(
    ([name, value, detail]) =>
      `<div><dt>${escapeHtml(name)}</dt><dd>${escapeHtml(value)}${detail ? `<small>${escapeHtml(detail)}</small>` : ""}</dd></div>`,
  );
  return `<dl class="tiles">${html.join("")}</dl>`;
}

function formatHours(hours: number): string {
  return hours < 1 ? `${formatNumber(hours * 60, 3)} min` : `${formatNumber(hours, 3)} h`;
}

function shortCount(n: number): string {
  if (n >= 1e6) return `${formatNumber(n / 1e6, 3)} M`;
  return n >= 1e4 ? `${formatNumber(n / 1e3, 3)} k` : formatNumber(n, 9);
}

/** Rows of label and value; values are HTML already. */
function facts(caption: string, rows: [string, string][]): string {
  const body = rows.map(([k, v]) => `<tr><th scope="row">${escapeHtml(k)}</th><td>${v}</td></tr>`).join("");
  return `<table class="facts"><caption>${escapeHtml(caption)}</caption><tbody>${body}</tbody></table>`;
}

function renderCorpus(corpus: CorpusSummary): string {
  const licences =
    corpus.licences.length > 0
      ? `<ul>${corpus.licences.map((l) => `<li>${escapeHtml(l)}</li>`).join("")}</ul>`
      : "not stated";
  const rows: [string, string][] = [
    ["Corpus", escapeHtml(corpus.name)],
    ["Why this one", escapeHtml(corpus.why)],
    [
      "Size",
      `${plural(corpus.pieces, "piece")}, ${plural(corpus.clips, "clip")}, ${formatHours(corpus.hours)}`,
    ],
  ];
  if (corpus.heldOutPieces !== undefined) {
    const clips = corpus.heldOutClips === undefined ? "" : `, ${plural(corpus.heldOutClips, "clip")}`;
    rows.push(["Held out", `${plural(corpus.heldOutPieces, "piece")}${clips}`]);
  }
  rows.push(
    ["Licences", licences],
    ["Skipped", corpus.skipped.length === 0 ? "no file" : plural(corpus.skipped.length, "file")],
  );
  const list = corpus.skipped.map(
    (s) => `<tr><th scope="row"><code>${escapeHtml(s.file)}</code></th><td>${escapeHtml(s.reason)}</td></tr>`,
  );
  const table = `<table class="facts skipped"><thead><tr><th scope="col">File</th><th scope="col">Why it was skipped</th></tr></thead><tbody>${list.join("")}</tbody></table>`;
  const open = corpus.skipped.length <= SHOWN_SKIPPED ? " open" : "";
  const skipped =
    corpus.skipped.length > 0
      ? `<details${open}><summary>${plural(corpus.skipped.length, "skipped file")}</summary>${table}</details>`
      : "";
  return facts("What was trained on", rows) + skipped;
}

function renderRun(run: RunSummary): string {
  const rows: [string, string][] = [
    ["Status", run.status],
    ["Ended", escapeHtml(formatDate(run.date))],
    [
      "Adapter",
      `${escapeHtml(run.adapter.name)}, ${run.adapter.software ? "software (no GPU was used)" : "hardware"}${run.adapter.detail ? `<br>${escapeHtml(run.adapter.detail)}` : ""}`,
    ],
    ["Preset", escapeHtml(run.preset)],
    ["Objective", escapeHtml(run.objective)],
    ["Seed", escapeHtml(run.seed)],
    [
      "Steps",
      `${formatNumber(run.steps, 9)}${run.stepsPlanned !== undefined ? ` of ${formatNumber(run.stepsPlanned, 9)}` : ""}`,
    ],
    ["Wall time", formatDuration(run.wallSeconds)],
  ];
  if (run.clipsPerSecond !== undefined)
    rows.push(["Speed", `${formatNumber(run.clipsPerSecond, 3)} clips/s`]);
  const more = Object.entries(run.settings ?? {}).map(([k, v]): [string, string] => [k, escapeHtml(v)]);
  const versions = Object.entries(run.versions).map(([k, v]): [string, string] => [k, escapeHtml(v)]);
  const right =
    (more.length > 0 ? facts("Settings", more) : "") +
    (versions.length > 0 ? facts("Versions", versions) : "");
  return `<section id="run"><h2>The run</h2><p class="intro">To make it again:</p><pre><code>${escapeHtml(run.command)}</code></pre><div class="pair"><div>${facts("Run", rows)}</div><div>${right}</div></div></section>`;
}
