// The report: that a full run and the least one give a whole page, that nothing in it asks for a network, that text from
// outside cannot become markup, and that the PCA agrees with a float64 eigen-decomposition. How it looks is for the eye.

import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { decode } from "fast-png";
import { parseHTML } from "linkedom";
import { describe, expect, it } from "vitest";
import { DataError, ShapeError } from "../../src/gpu/errors.js";
import { colourTable, RESERVED } from "../../src/train/report/colour.js";
import { smooth } from "../../src/train/report/curves.js";
import { formatDuration, formatNumber } from "../../src/train/report/html.js";
import { fillPatches, frequencyPosition, outlinePath } from "../../src/train/report/images.js";
import { pca2d, projectTo2d } from "../../src/train/report/map.js";
import { renderReport, writeReport } from "../../src/train/report/page.js";
import { bestRow } from "../../src/train/report/probe-table.js";
import type { ReportData } from "../../src/train/report/types.js";
import { fullReport, minimalReport, normal, uniform } from "./report-fixture.js";

const seed = Math.floor(Math.random() * 2 ** 31);
console.log(`report.test.ts seed ${seed}`);
const full = fullReport(seed);
const fullPage = renderReport(full);
const parse = (html: string) => parseHTML(html).document;

/** Every attribute that can make a browser load something, and every url() in styles. */
function references(html: string): string[] {
  const found: string[] = [];
  for (const element of parse(html).querySelectorAll("*")) {
    for (const name of ["src", "href", "srcset", "poster", "data", "action", "xlink:href"]) {
      const value = element.getAttribute(name);
      if (value !== null) found.push(value);
    }
  }
  for (const match of html.matchAll(/url\(\s*["']?([^"')]*)/g)) found.push(match[1]);
  return found;
}

/** Images are left out where words are sought: base64 holds any three letters sooner or later. */
const withoutImages = (html: string) => html.replace(/base64,[\w+/=]*/g, "");

describe("page", () => {
  it("loads nothing from outside", () => {
    for (const page of [fullPage, renderReport(minimalReport())]) {
      for (const reference of references(page)) {
        expect(reference.startsWith("data:image/png;base64,") || reference.startsWith("#")).toBe(true);
      }
      expect(page.replace(/xmlns(:\w+)?="[^"]*"/g, "")).not.toMatch(/https?:\/\//i);
      expect(page).not.toMatch(/@import|<script|<link|<iframe/i);
      expect(page).toContain("default-src 'none'");
    }
  });

  it("has every part, each link a target, each picture a text, and stays small", () => {
    const document = parse(fullPage);
    for (const id of [
      "probe",
      "curves",
      "spectrogram",
      "reconstructions",
      "attention",
      "map",
      "corpus",
      "run",
    ]) {
      expect(document.querySelector(`section#${id} > h2`), id).not.toBeNull();
    }
    expect(document.getElementById("missing")).toBeNull();
    for (const link of document.querySelectorAll("a")) {
      expect(document.getElementById(link.getAttribute("href")!.slice(1))).not.toBeNull();
    }
    expect(document.querySelectorAll("#curves figure").length).toBe(7);
    expect(document.querySelector("#curves .banner")?.textContent).toBe("InfoNCE is at chance.");
    expect(document.querySelector("#curves")?.textContent).toContain("By guessing: 3.2.");
    expect(document.querySelectorAll("#reconstructions img").length).toBe(6);
    expect(document.querySelectorAll("#attention img").length).toBe(1 + 4 + 1);
    expect(document.querySelectorAll("#map .k title").length).toBe(full.map!.points.length);
    expect(document.querySelectorAll("#map .legend li").length).toBe(10);
    for (const image of document.querySelectorAll("img"))
      expect(image.getAttribute("alt")!.length).toBeGreaterThan(5);
    for (const figure of document.querySelectorAll("figure"))
      expect(figure.querySelector("figcaption")).not.toBeNull();
    for (const cell of document.querySelectorAll("th"))
      expect(["row", "col"]).toContain(cell.getAttribute("scope"));
    for (const text of [
      full.run.name,
      full.run.command,
      "SwiftShader",
      "CC0 1.0",
      "broken/half.flac",
      "PCA",
    ]) {
      expect(document.body.textContent).toContain(text);
    }
    expect(fullPage.length).toBeLessThan(1.5e6);
    expect(withoutImages(fullPage)).not.toMatch(/NaN|undefined|Infinity/);
  });

  it("shows the verdict word for word and marks the best of each task once", () => {
    const document = parse(fullPage);
    expect(document.querySelector(".verdict")!.textContent).toBe(full.probe!.verdict);
    const rows = [...document.querySelectorAll("table.probe tbody tr")];
    expect(rows.length).toBe(2);
    rows.forEach((row, i) => {
      const marked = row.querySelectorAll("td.best");
      expect(marked.length).toBe(1);
      expect(marked[0].textContent).toContain(bestRow(full.probe!.tasks[i])!.mean.toFixed(3));
    });
  });

  it("knows that lower may be better, and leaves scores that are not finite out", () => {
    const task = { ...full.probe!.tasks[0], higherIsBetter: false };
    expect(bestRow(task)!.mean).toBe(Math.min(...task.rows.map((r) => r.mean)));
    const broken = { ...task, rows: task.rows.map((r) => ({ ...r, mean: Number.NaN })) };
    expect(bestRow(broken)).toBeUndefined();
    expect(() =>
      renderReport({ ...full, probe: { tasks: [broken], verdict: "nothing came of it" } }),
    ).not.toThrow();
  });

  it("is whole with nothing but the run, and says what is missing and why", () => {
    const document = parse(renderReport(minimalReport()));
    const missing = document.querySelector("#missing")!;
    expect(missing.querySelectorAll("li").length).toBe(7);
    expect(missing.textContent).toContain("--no-probe was given");
    expect(missing.textContent).toContain("no step was finished");
    expect(document.querySelector(".banner")!.textContent).toContain("interrupted after 0 of 300 steps");
  });

  it("holds with one part missing, one logged step, no finite loss, and no axes", () => {
    const parts = [
      "corpus",
      "log",
      "spectrogram",
      "reconstructions",
      "attention",
      "map",
      "probe",
      "heldOut",
    ] as const;
    for (const key of parts) {
      const page = renderReport({ ...full, [key]: undefined });
      expect(withoutImages(page)).not.toMatch(/NaN|undefined|Infinity/);
    }
    expect(renderReport({ ...full, axes: undefined })).toContain("mel band");
    expect(renderReport({ ...full, grid: undefined })).toContain("Not in this report");
    const one: ReportData = { ...minimalReport(), log: [{ step: 1, loss: 3, lr: 0 }] };
    expect(parse(renderReport(one)).querySelectorAll("#curves figure").length).toBe(2);
    const none: ReportData = { ...minimalReport(), log: [{ step: 1, loss: Number.NaN }] };
    expect(renderReport(none)).toContain("no step was finished");
  });

  it("draws many steps as bands, in a small file", () => {
    const page = renderReport({ ...minimalReport(), log: fullReport(seed, 20_000).log });
    expect(page.length).toBeLessThan(250_000);
  });

  it("escapes all text", () => {
    const evil = `"><img src=x onerror=alert(1)></title><script>'&`;
    const task = { ...full.probe!.tasks[0], task: evil, metric: evil, note: evil };
    const data: ReportData = {
      ...full,
      run: {
        ...full.run,
        name: evil,
        date: evil,
        command: evil,
        preset: evil,
        objective: evil,
        adapter: { name: evil, software: false, detail: evil },
        versions: { [evil]: evil },
        settings: { [evil]: evil },
      },
      corpus: {
        ...full.corpus!,
        name: evil,
        why: evil,
        licences: [evil],
        skipped: [{ file: evil, reason: evil }],
      },
      marks: [{ step: 5, label: evil }],
      spectrogram: { ...full.spectrogram!, title: evil },
      reconstructions: [{ ...full.reconstructions![0], title: evil }],
      reconstructionNote: evil,
      attention: { ...full.attention!, title: evil },
      map: { ...full.map!, labelName: evil, note: evil, points: [{ x: 0, y: 1, label: evil, title: evil }] },
      probe: { tasks: [task], verdict: evil },
      absent: { probe: evil },
    };
    const page = renderReport(data);
    expect(page).not.toContain("<script");
    expect(page).not.toContain("<img src=x");
    const document = parse(page);
    expect(document.querySelectorAll("[onerror]").length).toBe(0);
    expect(document.querySelector("h1")!.textContent).toBe(evil);
    expect(document.querySelector(".verdict")!.textContent).toBe(evil);
    expect(renderReport({ ...minimalReport(), absent: { probe: evil } })).not.toContain("<script");
  });

  it("is the same for the same data", () => {
    expect(renderReport(fullReport(seed)) === fullPage).toBe(true);
  });

  it("is written beside and renamed; a place that cannot be written says so", async () => {
    const folder = await mkdtemp(join(tmpdir(), "melgrad-report-"));
    try {
      await writeReport(join(folder, "report.html"), full);
      expect(await readdir(folder)).toEqual(["report.html"]);
      expect((await readFile(join(folder, "report.html"), "utf8")) === fullPage).toBe(true);
      await expect(writeReport(join(folder, "none", "report.html"), full)).rejects.toThrow(DataError);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

describe("pictures", () => {
  const random = uniform(seed);
  const grid = { patchMels: 2, patchFrames: 3, rows: 2, columns: 2 };
  const image = { nMels: 4, frames: 6, values: Float32Array.from({ length: 24 }, random) };

  it("puts each prediction where its patch was, and nothing elsewhere", () => {
    const masked = [1, 2];
    const predictions = Float32Array.from({ length: 12 }, () => random() + 5);
    const filled = fillPatches(image, grid, masked, predictions).values;
    for (let mel = 0; mel < 4; mel++) {
      for (let frame = 0; frame < 6; frame++) {
        const token = Math.floor(frame / 3) * 2 + Math.floor(mel / 2);
        const p = masked.indexOf(token);
        const wanted =
          p < 0 ? image.values[mel * 6 + frame] : predictions[p * 6 + (mel % 2) * 3 + (frame % 3)];
        expect(filled[mel * 6 + frame]).toBe(wanted);
      }
    }
    expect(() => fillPatches(image, grid, masked, new Float32Array(11))).toThrow(ShapeError);
  });

  it("greys exactly the masked patches, the lowest band at the bottom", () => {
    const clip = full.reconstructions![0];
    const images = [...parse(fullPage).querySelectorAll("#reconstructions img")];
    const pixels = decode(Buffer.from(images[1].getAttribute("src")!.split(",")[1], "base64"));
    expect([pixels.width, pixels.height]).toEqual([128, 128]);
    const masked = new Set(Array.from(clip.masked));
    let wrong = 0;
    for (let mel = 0; mel < 128; mel++) {
      for (let frame = 0; frame < 128; frame++) {
        const token = Math.floor(frame / 16) * 8 + Math.floor(mel / 16);
        const grey = pixels.data[(127 - mel) * 128 + frame] === RESERVED;
        if (grey !== masked.has(token)) wrong++;
      }
    }
    expect(wrong).toBe(0);
  });

  it("outlines a pair of patches without the border between them", () => {
    const lines = outlinePath([0, 1], grid, 4).split("M").filter(Boolean);
    expect(lines.length).toBe(6);
    expect(lines).not.toContain("0,2H3");
  });

  it("places frequencies on the bands that hold them", () => {
    for (const melScale of ["htk", "kaldi", "slaney"] as const) {
      const axes = { sampleRate: 16000, hopLength: 512, fMin: 0, fMax: 8000, melScale };
      const mel = (hz: number) =>
        melScale !== "slaney"
          ? 1127.01048 * Math.log(1 + hz / 700)
          : hz < 1000
            ? hz / (200 / 3)
            : 15 + Math.log(hz / 1000) / (Math.log(6.4) / 27);
      for (const hz of [100, 440, 999, 1000, 3000, 7000]) {
        const band = (mel(hz) / mel(8000)) * 129 - 1;
        expect(frequencyPosition(hz, axes, 128)).toBeCloseTo((band + 0.5) / 128, 6);
      }
    }
  });

  it("has colour maps that grow steadily lighter", () => {
    for (const scheme of ["magma", "viridis", "greys"] as const) {
      const light = colourTable(scheme)
        .slice(0, 255)
        .map(([r, g, b]) => 0.2126 * r + 0.7152 * g + 0.0722 * b);
      expect(light[254] - light[0]).toBeGreaterThan(150);
      for (let i = 8; i < 255; i++) expect(light[i]).toBeGreaterThan(light[i - 8]);
    }
  });

  it("refuses arrays of the wrong size", () => {
    const bad = { ...full.spectrogram!, image: { ...full.spectrogram!.image, frames: 127 } };
    expect(() => renderReport({ ...full, spectrogram: bad })).toThrow(ShapeError);
    const attention = { ...full.attention!, heads: 3 };
    expect(() => renderReport({ ...full, attention })).toThrow(ShapeError);
  });
});

describe("words and lines", () => {
  it("writes numbers and times for people", () => {
    expect([0, 1234.5, 0.012345, -2.5, 1e-7, Number.NaN, null].map((v) => formatNumber(v))).toEqual([
      "0",
      "1,235",
      "0.0123",
      "−2.5",
      "1.00e−7",
      "n/a",
      "n/a",
    ]);
    expect([3.21, 59, 61, 3600, 3661].map(formatDuration)).toEqual([
      "3.2 s",
      "59 s",
      "1 min 1 s",
      "1 h 0 min",
      "1 h 1 min",
    ]);
  });

  it("smooths a constant to itself and drops a lone spike by the median", () => {
    const flat = Array.from({ length: 90 }, (_, step) => ({ step, value: 2.5 }));
    expect(smooth(flat)).toEqual(flat);
    expect(smooth(Array.from({ length: 5000 }, (_, step) => ({ step, value: 2.5 }))).length).toBeLessThan(
      300,
    );
    const spiked = flat.map((p) => (p.step === 40 ? { ...p, value: 1e6 } : p));
    expect(smooth(spiked, true)).toEqual(flat);
  });
});

/** All eigenpairs of a symmetric matrix, by the plain classical Jacobi method: the largest off-diagonal first. */
function eigen(matrix: number[][]): { values: number[]; vectors: number[][] } {
  const n = matrix.length;
  const a = matrix.map((row) => row.slice());
  const v: number[][] = a.map((_, i) => a.map((_, j) => (i === j ? 1 : 0)));
  for (let count = 0; count < 100 * n * n; count++) {
    let p = 0;
    let q = 1;
    for (let i = 0; i < n; i++)
      for (let j = i + 1; j < n; j++) if (Math.abs(a[i][j]) > Math.abs(a[p][q])) [p, q] = [i, j];
    if (Math.abs(a[p][q]) < 1e-13 * Math.abs(a[0][0] + a[n - 1][n - 1])) break;
    const angle = 0.5 * Math.atan2(2 * a[p][q], a[q][q] - a[p][p]);
    const [c, s] = [Math.cos(angle), Math.sin(angle)];
    for (let i = 0; i < n; i++) {
      [a[i][p], a[i][q]] = [c * a[i][p] - s * a[i][q], s * a[i][p] + c * a[i][q]];
      [v[i][p], v[i][q]] = [c * v[i][p] - s * v[i][q], s * v[i][p] + c * v[i][q]];
    }
    for (let i = 0; i < n; i++) [a[p][i], a[q][i]] = [c * a[p][i] - s * a[q][i], s * a[p][i] + c * a[q][i]];
  }
  const order = a.map((_, i) => i).sort((i, j) => a[j][j] - a[i][i]);
  return { values: order.map((i) => a[i][i]), vectors: order.map((i) => v.map((row) => row[i])) };
}

describe("pca", () => {
  const close = (got: number, wanted: number, scale: number) => Math.abs(got - wanted) <= 1e-7 * scale;

  it.each([
    [200, 24, 1],
    [9, 24, 1],
    [300, 12, 0.02],
    [50, 2, 1],
  ])("agrees with a full eigen-decomposition (n %i, d %i, spread %f)", (n, d, spread) => {
    const gauss = normal(uniform(seed + n));
    const vectors = Float32Array.from(
      { length: n * d },
      (_, i) => 3 + gauss() * (1 + spread * (d - (i % d))),
    );
    const mean = Array.from({ length: d }, (_, j) => {
      let s = 0;
      for (let i = 0; i < n; i++) s += vectors[i * d + j];
      return s / n;
    });
    const rows = Array.from({ length: n }, (_, i) => mean.map((m, j) => vectors[i * d + j] - m));
    const covariance = mean.map((_, j) => mean.map((_, k) => rows.reduce((s, r) => s + r[j] * r[k], 0)));
    const { values, vectors: axes } = eigen(covariance);
    const total = values.reduce((s, v) => s + v, 0);
    const { points, explained } = pca2d(vectors, n, d);
    expect(close(explained[0], values[0] / total, 1)).toBe(true);
    expect(close(explained[1], values[1] / total, 1)).toBe(true);
    // The directions are only as sharp as the eigenvalues are apart.
    const gap = Math.min(values[0] - values[1], d > 2 ? values[1] - values[2] : values[1]) / total;
    for (const [a, axis] of (["x", "y"] as const).entries()) {
      const wanted = rows.map((r) => r.reduce((s, v, j) => s + v * axes[a][j], 0));
      const sign = Math.sign(wanted.reduce((s, w, i) => s + w * points[i][axis], 0));
      const worst = wanted.reduce((m, w, i) => Math.max(m, Math.abs(points[i][axis] - sign * w)), 0);
      expect(worst <= (1e-8 / gap) * Math.sqrt(total)).toBe(true);
    }
    expect(projectTo2d(vectors, n, d)).toEqual(points);
  });

  it("copes with one vector, equal vectors, one dimension and a line", () => {
    expect(pca2d(new Float32Array([1, 2, 3]), 1, 3)).toEqual({ points: [{ x: 0, y: 0 }], explained: [0, 0] });
    expect(pca2d(new Float32Array(12).fill(4), 4, 3).explained).toEqual([0, 0]);
    expect(pca2d(new Float32Array(0), 0, 3).points).toEqual([]);
    const line = pca2d(new Float32Array([1, 3, 5]), 3, 1);
    expect(line.points.every((p, i) => close(p.x, 2 * i - 2, 1) && p.y === 0)).toBe(true);
    const flat = pca2d(
      Float32Array.from({ length: 30 }, (_, i) => Math.floor(i / 3) * ((i % 3) + 1)),
      10,
      3,
    );
    expect(close(flat.explained[0], 1, 1)).toBe(true);
    expect(flat.points.every((p) => Math.abs(p.y) < 1e-6)).toBe(true);
  });

  it("refuses wrong sizes and values that are not finite", () => {
    expect(() => pca2d(new Float32Array(5), 2, 3)).toThrow(ShapeError);
    expect(() => pca2d(new Float32Array([1, Number.NaN, 3, 4]), 2, 2)).toThrow(DataError);
  });

  it("takes a real run's size in its stride", () => {
    const gauss = normal(uniform(seed));
    const vectors = Float32Array.from({ length: 1000 * 768 }, gauss);
    const { explained } = pca2d(vectors, 1000, 768);
    expect(explained[0] >= explained[1] && explained[1] > 0).toBe(true);
  }, 60_000);
});
