// The one shape that decoded audio has everywhere. Types only.

/** Decoded audio. Every channel has the same length; samples are nominally in [-1, 1]. */
export interface Waveform {
  /** Hz. */
  sampleRate: number;
  /** One array of samples a channel. */
  channels: Float32Array[];
  /** What was odd about the file and which rule was followed, each a few words; absent where nothing was. */
  remarks?: string[];
}
