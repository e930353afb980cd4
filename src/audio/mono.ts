// Mixing down, without the decoders: what a page needs that has samples already.
import type { Waveform } from "./types.js";

/** The mean of the channels. With a single channel it is that channel itself, not a copy. */
export function toMono(waveform: Waveform): Float32Array {
  const { channels } = waveform;
  if (channels.length === 1) return channels[0];
  const out = new Float32Array(channels[0].length);
  for (let i = 0; i < out.length; i++) {
    let sum = 0;
    for (const channel of channels) sum += channel[i];
    out[i] = sum / channels.length;
  }
  return out;
}
