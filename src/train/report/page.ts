// The run's report: one HTML file that opens offline, made from plain data. Its security policy forbids every request, so
// nothing can be fetched even by mistake. Not here: the numbers' making (the loop, the probe) and each part's drawing.

import { rename, rm, writeFile } from "node:fs/promises";
import { DataError } from "../../gpu/errors.js";
import { renderAttention } from "./attention.js";
import { renderCurves, smooth } from "./curves.js";
import { renderMap } from "./embedding.js";
import { absentNote, escapeHtml, formatDuration, formatNumber, plural } from "./html.js";
import { renderReconstructions, renderSpectrogram } from "./images.js";
import { bestRow, renderProbe } from "./probe-table.js";
import { STYLE } from "./style.js";
import type { CorpusSummary, ReportData, ReportPart, RunSummary } from "./types.js";

const SHOWN_SKIPPED = 8;

/**
 * The whole report as HTML. Parts that are absent are named with the reason that `data.absent` gives.
 * Throws ShapeError where an array does not have the shape that types.ts states.
 */
export function renderReport(data: ReportData): string {
  const { run } = data;
  const part = (id: ReportPart, title: string, intro: string, body: string | undefined): string => {
    const reason = data.absent?.[id];
    const missing = `This part is not in the report: ${reason ?? "the run left nothing to show here"}.`;
    const inner = body
      ? `${intro ? `<p class="intro">${escapeHtml(intro)}</p>` : ""}${body}`
      : absentNote(missing);
    return `<section id="${id}"><h2>${escapeHtml(title)}</h2>${inner}</section>`;
  };
  const { grid, axes } = data;
  const sections: [ReportPart, string, string][] = [
    [
      "probe",
      "Probe",
      part(
        "probe",
        "What the features are worth",
        "Small classifiers read frozen features and are judged on pieces that they never saw. Only the comparison with the baselines counts.",
        data.probe && renderProbe(data.probe),
      ),
    ],
    [
      "curves",
      "Curves",
      part(
        "curves",
        "Training curves",
        "",
        data.log && data.log.length > 0 ? renderCurves(data.log, data.heldOut, data.marks) : undefined,
      ),
    ],
    [
      "spectrogram",
      "Spectrogram",
      part(
        "spectrogram",
        "A clip as the model reads it",
        "",
        data.spectrogram && renderSpectrogram(data.spectrogram, axes, grid),
      ),
    ],
    [
      "reconstructions",
      "Reconstructions",
      part(
        "reconstructions",
        "Masked patches and their reconstructions",
        "",
        data.reconstructions && data.reconstructions.length > 0 && grid
          ? renderReconstructions(data.reconstructions, grid, axes, data.reconstructionNote)
          : undefined,
      ),
    ],
    [
      "attention",
      "Attention",
      part(
        "attention",
        "Attention",
        "",
        data.attention && grid && renderAttention(data.attention, grid, axes),
      ),
    ],
    ["map", "Map", part("map", "Map of the embeddings", "", data.map && renderMap(data.map))],
    ["corpus", "Music", part("corpus", "The music", "", data.corpus && renderCorpus(data.corpus))],
  ];
  const links = [...sections.map(([id, name]) => [id, name]), ["run", "Run"]]
    .map(([id, name]) => `<li><a href="#${id}">${escapeHtml(name)}</a></li>`)
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
${sections.map(([, , html]) => html).join("\n")}
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
      from > 0 ? `${to <= from ? "down" : "up"} ${formatNumber(Math.abs(100 * (1 - to / from)), 2)} %` : "";
    items.push(["Loss", `${formatNumber(from, 3)} → ${formatNumber(to, 3)}`, change]);
  }
  if (probe && probe.tasks.length > 0) {
    const won = probe.tasks.filter((t) => bestRow(t)?.features === "pretrained").length;
    items.push([
      "Pre-trained features lead on",
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
  return facts("Corpus", rows) + skipped;
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
  const right = (more.length > 0 ? facts("Settings", more) : "") + facts("Versions", versions);
  return `<section id="run"><h2>The run</h2><p class="intro">To make it again:</p><pre><code>${escapeHtml(run.command)}</code></pre><div class="pair"><div>${facts("Run", rows)}</div><div>${right}</div></div></section>`;
}
