// Playing a clip from its samples by Web Audio. One place sounds at a time; the position follows the audio clock. Not here: what is drawn.
import type { Signal } from "@preact/signals";
import type { Place } from "./app.js";
import type { Samples } from "./media.js";

export interface Playback {
  play(place: Place): Promise<void>;
  stop(): void;
  /** Seconds into the clip that sounds now; after the end, where it ended. */
  position(): number;
}

/** `load` gives a clip's samples; `playing` is set while it sounds. The audio context opens at the first play. */
export function createPlayback(
  playing: Signal<Place | undefined>,
  load: (clip: string) => Promise<Samples>,
): Playback {
  let context: AudioContext | undefined;
  let source: AudioBufferSourceNode | undefined;
  let startedAt = 0;
  let from = 0;
  let end = 0;
  let resting = 0;
  let turn = 0;

  function position(): number {
    if (!context || !source) return resting;
    const heard = context.currentTime - startedAt - (context.outputLatency || 0);
    return Math.min(end, from + Math.max(0, heard));
  }

  function silence(): void {
    if (!source) return;
    resting = position();
    source.onended = null;
    source.stop();
    source.disconnect();
    source = undefined;
  }

  return {
    position,
    stop() {
      turn++;
      silence();
      if (playing.value) playing.value = undefined;
    },
    async play(place) {
      const mine = ++turn;
      context ??= new AudioContext();
      // Within the gesture: browsers let sound begin only then.
      const awake = context.state === "running" ? undefined : context.resume();
      const { samples, sampleRate } = await load(place.clip);
      await awake;
      if (mine !== turn) return; // another was asked for meanwhile
      silence();
      const length = samples.length / sampleRate;
      const buffer = context.createBuffer(1, Math.max(1, samples.length), sampleRate);
      buffer.getChannelData(0).set(samples);
      from = Math.min(Math.max(0, place.from), length);
      end = Math.min(place.to ?? length, length);
      source = context.createBufferSource();
      source.buffer = buffer;
      source.connect(context.destination);
      source.onended = () => {
        if (mine !== turn) return;
        silence();
        resting = end;
        playing.value = undefined;
      };
      startedAt = context.currentTime;
      source.start(0, from, Math.max(0, end - from));
      playing.value = place;
    },
  };
}
