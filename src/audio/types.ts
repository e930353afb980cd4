// The one shape that decoded audio has everywhere. Types only.

/** Decoded audio. Every channel has the same length; samples are nominally in [-1, 1]. */
export interface Waveform {
  sampleRate: number;
  channels: Float32Array[];
}
