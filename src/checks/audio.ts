// Checks of the audio front end: spectra against a discrete Fourier transform by its sum, the limit of decibels, resampling.
import { describeSpectrum } from "../audio/log-mel.js";
import { melPlan, type SpectrogramPlan, stftPlan } from "../audio/spectrogram-plan.js";
import { foldGroups } from "../ops/launch.js";
import type { Random } from "../tensor/random.js";
import {
  build,
  type CheckTable,
  changed,
  define,
  groupsFor,
  input,
  type KernelUse,
  normals,
  output,
  type Trial,
  total,
} from "./check.js";

const pads = ["constant", "reflect", "symmetric"] as const;

/** A spectrogram that takes the kernel of this use, with the settings of the use. */
function planOf(use: KernelUse): SpectrogramPlan {
  const { params } = use;
  const { size, win, mode } = params;
  const nFft = define(use, "ODD") ? size : 2 * size;
  const log = [{ kind: "none" }, { kind: "log10" }, { kind: "db" }, { kind: "ln" }][
    mode & 3
  ] as SpectrogramPlan["log"];
  const hopLength = Math.min(params.hop, nFft);
  const settings = { nFft, winLength: win, hopLength, power: mode & 32 ? (1 as const) : (2 as const) };
  const plan = mode & 16 ? melPlan({ ...settings, nMels: 23 }, log) : stftPlan(settings, log);
  const kaldi = define(use, "KALDI");
  return {
    ...{ ...plan, left: -params.start, pad: pads[(mode >> 2) & 3] },
    ...(kaldi ? { preemphasis: 0.97, removeMean: kaldi === 2 } : {}),
  };
}

/** A sample of a clip, or what stands for it before its start and after its end. */
function padded(wave: Float32Array, pad: SpectrogramPlan["pad"], i: number): number {
  const n = wave.length;
  if (i >= 0 && i < n) return wave[i];
  if (pad === "constant") return 0;
  const edge = pad === "symmetric" ? 1 : 0;
  const k = i < 0 ? -i - edge : 2 * (n - 1) - i + edge;
  return wave[Math.min(Math.max(k, 0), n - 1)];
}

/** The samples of a frame under the window. */
function frameOf(plan: SpectrogramPlan, wave: Float32Array, first: number): Float64Array {
  const { nFft, winLength, window, pad, preemphasis, removeMean } = plan;
  const at = (i: number) => padded(wave, pad, first + i);
  if (preemphasis === undefined) return build(nFft, (i) => at(i) * window[i]);
  const mean = removeMean ? total(winLength, at) / winLength : 0;
  return build(nFft, (i) => {
    if (i >= winLength) return 0;
    return (at(i) - mean - preemphasis * (at(i - Math.min(i, 1)) - mean)) * window[i];
  });
}

function scaled(log: SpectrogramPlan["log"], x: number): number {
  switch (log.kind) {
    case "none":
      return x;
    case "log10":
      return Math.log10(1 + (log.gain ?? 1e4) * x);
    case "ln":
      return Math.log(Math.max(x, log.floor ?? 2 ** -23));
    case "db": {
      const { amin = 1e-10, ref = 1 } = log;
      return 10 * Math.log10(Math.max(x, amin)) - 10 * Math.log10(Math.max(ref, amin));
    }
  }
}

function spectrum(use: KernelUse, random: Random): Trial[] {
  const plan = planOf(use);
  const { nFft, hopLength, left, filters, power, log } = plan;
  const { tables, params } = describeSpectrum(plan);
  const [clips, frames] = [2, nFft > 2048 ? 1 : 2];
  const samples = nFft + (frames - 1) * hopLength + 13;
  const wave = normals(random, clips * samples, 0.3);
  const bins = Math.floor(nFft / 2) + 1;
  const { rows } = params;
  const cosine = build(nFft, (k) => Math.cos((2 * Math.PI * k) / nFft));
  const sine = build(nFft, (k) => Math.sin((2 * Math.PI * k) / nFft));
  const wanted = new Float64Array(clips * rows * frames);
  for (let clip = 0; clip < clips; clip++) {
    const own = wave.subarray(clip * samples, (clip + 1) * samples);
    for (let t = 0; t < frames; t++) {
      const frame = frameOf(plan, own, t * hopLength - left);
      const values = build(bins, (k) => {
        let [re, im] = [0, 0];
        for (let i = 0, at = 0; i < nFft; i++, at = (at + k) % nFft) {
          re += frame[i] * cosine[at];
          im -= frame[i] * sine[at];
        }
        const square = re * re + im * im;
        return power === 1 ? Math.sqrt(square) : square;
      });
      for (let row = 0; row < rows; row++) {
        const filter = filters?.[row];
        const x = filter
          ? total(filter.weights.length, (i) => filter.weights[i] * values[filter.first + i])
          : values[row];
        wanted[(clip * rows + row) * frames + t] = scaled(log, x);
      }
    }
  }
  const count = clips * frames;
  const groups = foldGroups(define(use, "PER_LANE") ? Math.ceil(count / define(use, "WIDTH")) : count);
  const bound = [input(wave), ...tables.map(input), output(wanted, 5e-4)];
  return [{ params: { ...params, samples, frames, total: count }, groups, bound }];
}

function topDb(_: KernelUse, random: Random): Trial[] {
  const [clips, count, limit] = [3, 331, 20];
  const values = normals(random, clips * count, 20);
  const wanted = build(values.length, (i) => {
    const clip = values.subarray(count * Math.floor(i / count), count * (Math.floor(i / count) + 1));
    return Math.max(values[i], clip.reduce((a, b) => Math.max(a, b)) - limit);
  });
  return [{ params: { count, clips, top_db: limit }, groups: [clips], bound: [changed(values, wanted)] }];
}

function resample(_: KernelUse, random: Random): Trial[] {
  const [clips, samples, length, step, phases, taps] = [2, 211, 157, 4, 3, 9];
  const wave = normals(random, clips * samples);
  const weights = normals(random, taps * phases);
  const first = Int32Array.of(-4, -3, -1);
  const wanted = build(clips * length, (i) => {
    const [clip, m] = [Math.floor(i / length), i % length];
    const at = Math.floor(m / phases) * step + first[m % phases];
    return total(taps, (u) => {
      const inside = at + u >= 0 && at + u < samples;
      return inside ? weights[u * phases + (m % phases)] * wave[clip * samples + at + u] : 0;
    });
  });
  const quads = Math.ceil(length / phases / 4);
  const params = { samples, length, quads, total: clips * quads * phases, step, phases, taps };
  const bound = [input(wave), input(weights), input(first), output(wanted)];
  return [{ params, groups: groupsFor(params.total, 64), bound }];
}

export const audioChecks: CheckTable = {
  "audio/spectrum": spectrum,
  "audio/top_db": topDb,
  "audio/resample": resample,
};
