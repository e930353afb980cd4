// Judges decoded samples by their values: numbers that are not finite, floats on the scale of integers, silence. Nothing of any
// file format.
import { AudioError } from "./errors.js";
import type { Waveform } from "./types.js";

/** Sample rates that are read, in Hz. Others are damaged headers, and would make resampling need memory without bound. */
export const sampleRates = { least: 1000, most: 1_000_000 } as const;

/** The full scales of integer formats; a float sample can be no larger. */
const fullScales = [2 ** 15, 2 ** 23, 2 ** 31];

/** What is never louder than the last bit of 16, whatever constant it is shifted by. */
const silentRange = 2 ** -14;

/**
 * The waveform as it can be used. Floats are nominally in [-1, 1], and some writers leave them on the scale of the integers that they
 * had: where the mean absolute value is over 1, which no music within that range has, all samples are divided by the smallest full
 * scale of an integer format (2^15, 2^23, 2^31) that holds them. The waveform's own memory is changed.
 * @throws AudioError `no-samples` or `damaged`
 */
export function judged(waveform: Waveform): Waveform {
  const { channels, sampleRate } = waveform;
  const remarks = [...(waveform.remarks ?? [])];
  const damaged = (what: string) => new AudioError("damaged", `damaged: ${what}`);
  if (channels.length === 0 || channels[0].length === 0)
    throw new AudioError("no-samples", "no samples in it");
  if (!(sampleRate >= sampleRates.least && sampleRate <= sampleRates.most)) {
    throw damaged(
      `it states a sample rate of ${sampleRate} Hz (${sampleRates.least} to ${sampleRates.most} are read)`,
    );
  }
  let sum = 0;
  let peak = 0;
  for (const channel of channels) {
    for (let i = 0; i < channel.length; i++) {
      const size = Math.abs(channel[i]);
      sum += size;
      if (size > peak) peak = size;
    }
  }
  if (!Number.isFinite(sum)) throw damaged("it holds samples that are not finite numbers");
  if (sum > channels.length * channels[0].length) {
    const scale = fullScales.find((each) => peak <= each);
    if (scale === undefined) throw damaged(`it holds samples as large as ${peak.toPrecision(3)}`);
    for (const channel of channels) for (let i = 0; i < channel.length; i++) channel[i] /= scale;
    remarks.push(
      `its samples reach ±${Math.round(peak)} where ±1 is full scale; they were divided by ${scale}`,
    );
  }
  if (channels.every(isSilent)) remarks.push("silent: nothing in it is louder than the last of 16 bits");
  return remarks.length > 0 ? { sampleRate, channels, remarks } : { sampleRate, channels };
}

/** Is there nothing to hear? Returns at the first sound. */
export function isSilent(samples: Float32Array): boolean {
  let [low, high] = [samples[0], samples[0]];
  for (let i = 1; i < samples.length; i++) {
    if (samples[i] < low) low = samples[i];
    else if (samples[i] > high) high = samples[i];
    if (high - low > silentRange) return false;
  }
  return true;
}
