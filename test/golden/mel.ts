// Runners of the spectrogram front end: STFT power, mel, Kaldi features, filterbanks, resampling, patches.
import { kaldiFbank, melSpectrogram, stftPower } from "../../src/audio/log-mel.js";
import { type MelOptions, melFilterbank } from "../../src/audio/mel-filters.js";
import { patchify } from "../../src/audio/patches.js";
import { resample } from "../../src/audio/resample.js";
import type { LogScale } from "../../src/audio/spectrogram-plan.js";
import type { WindowName } from "../../src/audio/windows.js";
import { permute, reshape } from "../../src/ops/view.js";
import type { Tensor } from "../../src/tensor/tensor.js";
import { choice, flag, number, optionalNumber, type Params, record } from "./params.js";
import { op } from "./run-op.js";
import type { Runner } from "./runner.js";

const windows: readonly WindowName[] = [
  "hann_periodic",
  "hann",
  "hanning",
  "povey",
  "hamming_periodic",
  "hamming",
  "blackman_periodic",
  "blackman",
  "rectangular",
];

function stftOptions(params: Params) {
  return {
    nFft: number(params, "n_fft"),
    winLength: optionalNumber(params, "win_length"),
    hopLength: number(params, "hop_length"),
    window: choice(params, "window", windows, "hann_periodic"),
    center: flag(params, "center", true),
    padMode: choice(params, "pad_mode", ["constant", "reflect"]),
    power: number(params, "power", 2) === 1 ? (1 as const) : (2 as const),
  };
}

function filterOptions(params: Params) {
  return {
    sampleRate: number(params, "sample_rate"),
    nMels: number(params, "n_mels"),
    fMin: optionalNumber(params, "f_min"),
    fMax: optionalNumber(params, "f_max"),
    norm:
      params.norm === null || params.norm === undefined ? null : choice(params, "norm", ["slaney"] as const),
    melScale: choice(params, "mel_scale", ["htk", "slaney"]),
  };
}

/** [1, rows, frames] without its first axis. */
function single(spectrogram: Tensor): Tensor {
  return reshape(spectrogram, spectrogram.shape.slice(-2));
}

function melScales(waveform: Tensor, params: Params): Record<string, Tensor> {
  const options = { ...stftOptions(params), ...filterOptions(params) };
  const scaled = (log: LogScale) => single(melSpectrogram(waveform, { ...options, log }));
  const outputs: Record<string, Tensor> = { mel: scaled({ kind: "none" }) };
  if (params.db) {
    const db = record(params, "db");
    outputs.mel_db = scaled({
      kind: "db",
      amin: number(db, "amin"),
      ref: number(db, "ref"),
      topDb: optionalNumber(db, "top_db") ?? null,
    });
  }
  if (params.log10_gain) {
    outputs.mel_log10 = scaled({ kind: "log10", gain: number(params, "log10_gain") });
  }
  return outputs;
}

function kaldi(waveform: Tensor, params: Params): Record<string, Tensor> {
  // What is not an option of ours is fixed: refuse a case that wants it otherwise.
  const fixed: Params = {
    dither: 0,
    use_energy: false,
  };
  for (const [name, value] of Object.entries(fixed)) {
    if (params[name] !== undefined && params[name] !== value) {
      throw new Error(`Kaldi features with ${name} ${String(params[name])} are not supported`);
    }
  }
  const features = kaldiFbank(waveform, {
    sampleRate: number(params, "sample_rate"),
    nMels: number(params, "num_mel_bins"),
    frameLength: number(params, "frame_length_ms"),
    frameShift: number(params, "frame_shift_ms"),
    window: choice(params, "window_type", windows),
    fMin: number(params, "low_freq"),
    fMax: optionalNumber(params, "high_freq"),
    preemphasis: number(params, "preemphasis", 0.97),
    removeDcOffset: flag(params, "remove_dc_offset", true),
    snipEdges: flag(params, "snip_edges", true),
    roundToPowerOfTwo: flag(params, "round_to_power_of_two", true),
    logFloor: optionalNumber(params, "log_floor"),
    power: flag(params, "use_power", true) ? 2 : 1,
  });
  return { fbank: permute(single(features), [1, 0]) };
}

function filterbank(options: MelOptions) {
  const shape = [options.nMels, Math.floor(options.nFft / 2) + 1];
  return { outputs: { weights: { shape, data: melFilterbank(options) } } };
}

export const melRunners: Readonly<Record<string, Runner>> = {
  stft_power: op(({ waveform }, params) => ({ power: single(stftPower(waveform, stftOptions(params))) })),
  mel_spectrogram: op(({ waveform }, params) => melScales(waveform, params)),
  kaldi_fbank: op(({ waveform }, params) => kaldi(waveform, params)),
  mel_filterbank: (_, { params }) => filterbank({ ...filterOptions(params), nFft: number(params, "n_fft") }),
  kaldi_mel_filterbank: (_, { params }) =>
    filterbank({
      sampleRate: number(params, "sample_rate"),
      nFft: number(params, "n_fft"),
      nMels: number(params, "n_mels"),
      fMin: number(params, "f_min"),
      fMax: optionalNumber(params, "f_max"),
      melScale: "kaldi",
    }),
  resample: op(({ waveform }, params) => ({
    waveform: resample(waveform, number(params, "orig_freq"), number(params, "new_freq"), {
      lowpassWidth: number(params, "lowpass_filter_width", 6),
      rolloff: number(params, "rolloff", 0.99),
    }),
  })),
  patchify: op(({ spectrogram }, params) => ({
    patches: patchify(spectrogram, {
      patchMels: number(params, "patch_mels"),
      patchFrames: number(params, "patch_frames"),
      mean: number(params, "mean"),
      std: number(params, "std"),
    }),
  })),
};
