// A made-up run with every part of a report filled, drawn from a seed: notes with harmonics for the spectrograms, blurred
// patches for the predictions. It looks like the real thing so that a person can judge the page; its numbers mean nothing.

import { pca2d } from "../../src/train/report/map.js";
import type {
  LogPoint,
  MelAxes,
  MelImage,
  PatchGrid,
  ProbeRow,
  ProbeTask,
  ReportData,
} from "../../src/train/report/types.js";

/** Uniform numbers in [0, 1) from a seed. */
export function uniform(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Standard normal numbers from uniform ones. */
export function normal(random: () => number): () => number {
  return () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

const axes: MelAxes = { sampleRate: 16000, hopLength: 512, fMin: 0, fMax: 8000, melScale: "slaney" };
const grid: PatchGrid = { patchMels: 16, patchFrames: 16, rows: 8, columns: 8 };

function slaney(hz: number): number {
  return hz < 1000 ? hz / (200 / 3) : 15 + Math.log(hz / 1000) / (Math.log(6.4) / 27);
}

/** Notes that start, ring and fade, each with falling harmonics, over a noise floor. */
function clip(random: () => number, nMels = 128, frames = 128): MelImage {
  const values = new Float32Array(nMels * frames);
  const gauss = normal(random);
  const top = slaney(8000);
  const scale = [0, 2, 4, 5, 7, 9, 11, 12];
  const root = 110 * 2 ** (Math.floor(random() * 12) / 12);
  for (let start = 0; start < frames; start += 8 + Math.floor(random() * 3) * 8) {
    const voices = 1 + Math.floor(random() * 3);
    for (let v = 0; v < voices; v++) {
      const f0 = root * 2 ** (scale[Math.floor(random() * 8)] / 12 + Math.floor(random() * 2));
      const loud = 0.6 + 0.4 * random();
      const decay = 0.02 + 0.04 * random();
      for (let h = 1; h <= 18 && f0 * h < 8000; h++) {
        const centre = (slaney(f0 * h) / top) * (nMels + 1) - 1;
        for (let t = start; t < frames; t++) {
          const level = (loud * Math.exp(-decay * (t - start) * (1 + 0.12 * h))) / h ** 1.3;
          for (let m = Math.max(0, Math.floor(centre - 4)); m < Math.min(nMels, centre + 5); m++) {
            values[m * frames + t] += level * Math.exp(-(((m - centre) / 0.9) ** 2));
          }
        }
      }
    }
    for (let t = start; t < Math.min(frames, start + 3); t++) {
      for (let m = 20; m < nMels; m++) values[m * frames + t] += 0.01 * Math.exp(-(t - start)) * random();
    }
  }
  for (let i = 0; i < values.length; i++) {
    values[i] = (Math.log10(1 + 1e4 * (values[i] ** 2 + 2e-5 * (1 + 0.5 * gauss()) ** 2)) - 1) / 2;
  }
  return { values, nMels, frames };
}

function blurredPatches(image: MelImage, masked: number[], random: () => number): Float32Array {
  const out = new Float32Array(masked.length * 256);
  masked.forEach((token, p) => {
    const c = Math.floor(token / grid.rows);
    const r = token % grid.rows;
    for (let m = 0; m < 16; m++) {
      for (let t = 0; t < 16; t++) {
        let sum = 0;
        let count = 0;
        for (let dm = -1; dm <= 1; dm++) {
          for (let dt = -6; dt <= 6; dt++) {
            const mel = r * 16 + m + dm;
            const frame = c * 16 + t + dt;
            if (mel < 0 || mel > 127 || frame < 0 || frame > 127) continue;
            sum += image.values[mel * 128 + frame];
            count++;
          }
        }
        out[p * 256 + m * 16 + t] = sum / count + 0.03 * (random() - 0.5);
      }
    }
  });
  return out;
}

function softmaxRow(query: number, head: number, random: () => number): Float32Array {
  const row = new Float32Array(64);
  const c = Math.floor(query / 8);
  const r = query % 8;
  let sum = 0;
  for (let k = 0; k < 64; k++) {
    const dc = Math.abs(Math.floor(k / 8) - c);
    const dr = Math.abs((k % 8) - r);
    const score =
      head % 4 === 0 ? -dc - dr : head % 4 === 1 ? -3 * dr : head % 4 === 2 ? -1.5 * dc : -0.3 * (k % 8);
    row[k] = Math.exp(score + random());
    sum += row[k];
  }
  return row.map((w) => w / sum);
}

function probeTask(task: string, metric: string, means: number[], random: () => number): ProbeTask {
  const names: ProbeRow["features"][] = ["pretrained", "random", "log-mel mean+std", "majority"];
  const rows = names.map((features, i): ProbeRow => {
    const spread = features === "majority" ? 0 : 0.018;
    const values = Array.from({ length: 5 }, () => means[i] + spread * (random() + random() - 1) * 1.7);
    const mean = values.reduce((a, b) => a + b, 0) / 5;
    const std = Math.sqrt(values.reduce((a, b) => a + (b - mean) ** 2, 0) / 4);
    const half = (2.776 * std) / Math.sqrt(5);
    return { features, mean, std, ci95: [mean - half, mean + half], values };
  });
  return {
    task,
    metric,
    note: "Logistic regression on standardised features, its penalty chosen on validation pieces.",
    higherIsBetter: true,
    chance: means[3],
    classes: task === "key" ? 24 : 11,
    trainClips: 612,
    testClips: 204,
    testPieces: 41,
    seeds: 5,
    rows,
  };
}

/** A run with nothing missing. */
export function fullReport(seed: number, steps = 300): ReportData {
  const random = uniform(seed);
  const gauss = normal(random);
  const log = Array.from({ length: steps }, (_, i): LogPoint => {
    const step = i + 1;
    const fall = Math.exp(-step / (steps * 0.25));
    const infonce = 1.9 + 2.3 * fall + 0.09 * gauss();
    const reconstruct = 0.061 + 0.33 * fall ** 2 + 0.006 * gauss();
    const stepMs = (step === 1 ? 4200 : 640) + 40 * Math.abs(gauss());
    return {
      step,
      loss: step === 50 ? null : infonce + 10 * reconstruct,
      infonce,
      reconstruct,
      lr: 5e-4 * Math.min(1, step / (steps * 0.1)) * (0.5 + 0.5 * Math.cos((Math.PI * step) / steps)),
      gradNorm: (0.7 + 6 * fall) * Math.exp(0.25 * gauss()),
      stepMs,
      clipsPerSecond: 16000 / stepMs,
    };
  });
  const heldOut = Array.from({ length: 7 }, (_, i) => {
    const fall = Math.exp(-i / (6 * 0.25));
    return {
      step: Math.round((i * steps) / 6),
      loss: 2.7 + 5.4 * fall,
      infonce: 2.05 + 2.2 * fall,
      reconstruct: 0.07 + 0.3 * fall ** 2,
    };
  });
  const reconstructions = ["Sonatina in C, 2nd clip", "Field recording 07"].map((title, i) => {
    const image = clip(random);
    const masked = Array.from({ length: 64 }, (_, k) => k).filter(() => random() < 0.4 + 0.1 * i);
    return { title, image, masked, predictions: blurredPatches(image, masked, random), mse: 0.0713 };
  });
  const query = 35;
  const weights = new Float32Array(4 * 64);
  for (let h = 0; h < 4; h++) weights.set(softmaxRow(query, h, random), h * 64);
  const matrix = new Float32Array(64 * 64);
  for (let q = 0; q < 64; q++) {
    for (let h = 0; h < 4; h++) {
      const row = softmaxRow(q, h, random);
      for (let k = 0; k < 64; k++) matrix[q * 64 + k] += row[k] / 4;
    }
  }
  const labels = ["piano", "strings", "guitar", "organ", "flute", "choir", "brass", "drums", "bass", "harp"];
  const points = 240;
  const vectors = new Float32Array(points * 96);
  const centres = labels.map(() => Array.from({ length: 96 }, gauss));
  for (let i = 0; i < points; i++) {
    for (let j = 0; j < 96; j++) vectors[i * 96 + j] = centres[i % 10][j] + 0.8 * gauss();
  }
  const projection = pca2d(vectors, points, 96);
  return {
    run: {
      name: "demo-2031-05-02-seed-7",
      date: "2031-05-02T10:21:00Z",
      status: "finished",
      adapter: { name: "SwiftShader Device (Subzero)", software: true, detail: "Vulkan 1.3, subgroups of 4" },
      preset: "demo",
      objective: "joint",
      seed: 7,
      steps,
      stepsPlanned: steps,
      batch: 16,
      parameters: 493_056,
      wallSeconds: 243,
      clipsPerSecond: 23.4,
      command: "node train.js --preset demo --objective joint --steps 300 --seed 7 --adapter embedded",
      versions: { melgrad: "0.1.0", node: "20.20.0", webgpu: "0.6.2" },
      settings: { "Learning rate": "5e-4", "Weight decay": 0.05, "Mask ratio": 0.5, "Warm-up": "30 steps" },
    },
    corpus: {
      name: "starter",
      why: "Debian's packages can be downloaded here, so recorded music was taken.",
      licences: ["CC BY-SA 3.0 (game music, 31 pieces)", "CC0 1.0 (loops, 12 pieces)"],
      pieces: 43,
      clips: 1204,
      hours: 1.37,
      heldOutPieces: 6,
      heldOutClips: 160,
      skipped: [
        { file: "noise/short.wav", reason: "0.1 s long; a clip needs 4.1 s" },
        { file: "broken/half.flac", reason: "ends in the middle of a frame" },
      ],
    },
    log,
    heldOut,
    parts: [
      { name: "infonce", title: "InfoNCE", words: "The contrastive part.", chance: 3.2 },
      { name: "reconstruct", title: "Reconstruction", words: "Mean squared error." },
    ],
    warnings: ["InfoNCE is at chance."],
    marks: [{ step: Math.round(steps * 0.6), label: "resumed" }],
    axes,
    grid,
    spectrogram: { title: "Sonatina in C, 1st clip", image: clip(random) },
    reconstructions,
    reconstructionNote: "Colours share the original's scale.",
    attention: {
      title: "Sonatina in C, 1st clip",
      image: clip(random),
      layer: 2,
      layers: 4,
      heads: 4,
      query,
      weights,
      matrix,
    },
    map: {
      points: projection.points.map((p, i) => ({
        ...p,
        label: labels[i % 10],
        title: `piece ${i % 41}, clip ${i}`,
      })),
      labelName: "instrument",
      explained: projection.explained,
    },
    probe: {
      tasks: [
        probeTask("instruments", "accuracy", [0.71, 0.58, 0.66, 0.14], random),
        probeTask("key", "weighted score", [0.31, 0.27, 0.32, 0.11], random),
      ],
      verdict:
        "Pre-training helps on instruments: 0.71 against 0.58 with random weights.\nOn key it does not beat the log-mel's mean and spread.",
    },
  };
}

/** The least that a report can be made from. */
export function minimalReport(): ReportData {
  return {
    run: {
      name: "cut short",
      date: "2031-05-02T10:21:00Z",
      status: "interrupted",
      adapter: { name: "llvmpipe", software: true },
      preset: "demo",
      objective: "infonce",
      seed: 1,
      steps: 0,
      stepsPlanned: 300,
      wallSeconds: 3.2,
      command: "node train.js --no-probe",
      versions: {},
    },
    absent: { probe: "--no-probe was given", curves: "no step was finished" },
  };
}
