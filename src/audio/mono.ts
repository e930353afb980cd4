// Mixing down, without the decoders: what a page needs that has samples already.
import type { Waveform } from "./types.js";

/** Power of the mix beside that of the channels (-40 dB) under which they are said to cancel. */
const cancelled = 1e-4;

const cancelRemark = "its channels cancel each other when they are mixed; the loudest was taken alone";

/**
 * The mean of the channels. Where they cancel (one is the other turned upside down, so that the mean is silence and the music is
 * not), the loudest of them. With a single channel it is that channel itself, not a copy.
 */
export function toMono(waveform: Waveform): Float32Array {
  return mixDown(waveform).channels[0];
}

/** The waveform with one channel, by the rule of `toMono`, and a remark where that was not the mean. */
export function mixDown(waveform: Waveform): Waveform {
  const { channels, sampleRate, remarks } = waveform;
  if (channels.length === 1) return waveform;
  const out = new Float32Array(channels[0].length);
  let power = 0;
  for (let i = 0; i < out.length; i++) {
    let sum = 0;
    for (const channel of channels) sum += channel[i];
    out[i] = sum / channels.length;
    power += out[i] * out[i];
  }
  const powers = channels.map(powerOf);
  const mean = powers.reduce((sum, each) => sum + each, 0) / channels.length;
  // A channel alone among many silent ones has a mix of 1/n² of its power, which is no cancelling.
  if (power >= (cancelled * mean) / channels.length) {
    return { sampleRate, channels: [out], ...(remarks && { remarks }) };
  }
  const loudest = channels[powers.indexOf(Math.max(...powers))];
  return { sampleRate, channels: [loudest], remarks: [...(remarks ?? []), cancelRemark] };
}

function powerOf(samples: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < samples.length; i++) sum += samples[i] * samples[i];
  return sum;
}
