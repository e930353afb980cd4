// The log-mel of whole batches of clips, as lib/audio.mjs defines it.
import { bands, filterBank, frameCount, frameLogMel, recordings, sampleRate } from "../lib/audio.mjs";
import { usual } from "./kernels.mjs";

function logMel(seconds, clips, bar = usual) {
  const frames = frameCount(seconds * sampleRate);
  return {
    name: `logmel_${seconds}s_b${clips}`,
    op: "logmel",
    shape: `${clips}×${seconds} s`,
    seconds: clips * seconds,
    work: clips * frames,
    bar,
    tolerance: 1e-3,
    inputs: () => [recordings(clips, seconds)],
    /** By clip, frame and band. The error is that of the logarithm itself. */
    expected: ([x]) => {
      const bank = filterBank();
      const last = clips - 1;
      const chosen = [
        [0, 0],
        [0, 77],
        [last, 300],
        [last, frames - 1],
      ];
      return [
        {
          at: chosen.flatMap(([clip, frame]) =>
            Array.from({ length: bands }, (_, band) => (clip * frames + frame) * bands + band),
          ),
          values: chosen.flatMap(([clip, frame]) => [...frameLogMel(x, clip, frame, bank)]),
          scale: 1,
        },
      ];
    },
  };
}

export function melCases({ long = false } = {}) {
  const short = [logMel(10, 1), logMel(10, 16, { ratio: 6 })];
  return long ? [...short, logMel(30, 1), logMel(30, 16)] : short;
}
