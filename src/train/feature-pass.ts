// Takes many tracks through the pass over the audio (probe/feature-extractor.ts): files are digested and decoded in threads ahead of the
// device, what is kept of them already is not decoded again, and every vector is kept as soon as it is there. A track that cannot
// be used is named and the others go on. Not here: which encoders and which stores (task-features.ts, cli/embed.ts).
import { sourceKey, waveformKey } from "../data/content.js";
import { sharedDecodePool } from "../data/decode-pool.js";
import type { OnProgress, Track, Waveform } from "../data/types.js";
import type { KeptVectors } from "../data/vector-store.js";
import { DataError, ShapeError } from "../gpu/errors.js";
import type { Patchifier } from "../patchifier/encoder.js";
import { type ExtractorOptions, FeatureExtractor } from "../probe/feature-extractor.js";
import type { Gpu } from "../tensor/gpu.js";

export interface PassOptions extends ExtractorOptions {
  gpu: Gpu;
  /** What a clip's vectors are made by, and where they are kept. */
  encoders: readonly { encoder: Patchifier; kept: KeptVectors }[];
  /** What else is made of each clip's audio. */
  extras?: readonly { compute(waveform: Waveform): Promise<Float32Array>; kept: KeptVectors }[];
  /** Bytes of decoded audio that may wait for the device. Default 512 MiB. */
  waiting?: number;
  /** What progress calls this. */
  what?: string;
  unit?: string;
  onProgress?: OnProgress;
}

export interface PassResult {
  /** For each track the key of its vectors; undefined where it could not be used. */
  keys: (string | undefined)[];
  /** Tracks that could not be used, by number. */
  skipped: { track: number; reason: string }[];
  /** What was odd about tracks that were decoded and used, by number. */
  remarks: { track: number; text: string }[];
  speed: PassSpeed;
}

/** How fast a pass was, without what was kept already. */
export interface PassSpeed {
  /** Tracks that were decoded, and the seconds of audio in them. */
  decoded: number;
  audioSeconds: number;
  /** Wall time of the pass. */
  seconds: number;
  /**
   * Share of the time from the first submission to the last finish with an unfinished batch on the adapter; NaN without any, and where
   * extras were computed, whose work on the adapter is not counted.
   */
  busy: number;
}

/** A track on its way. */
interface Prepared {
  key: string | undefined;
  waveform?: Waveform;
  reason?: string;
}

/** Extras of clips that may be under way at once. */
const extrasAhead = 2;

/**
 * Makes and keeps the vectors of all tracks, in their order.
 * @throws what the device throws, DataError where vectors cannot be kept, and the signal's reason
 */
export async function passOver(tracks: readonly Track[], options: PassOptions): Promise<PassResult> {
  const {
    gpu,
    encoders,
    extras = [],
    waiting = 2 ** 29,
    what = "features",
    unit = "clips",
    signal,
  } = options;
  const total = tracks.length;
  const all = [...encoders, ...extras];
  const extractor = new FeatureExtractor(
    gpu,
    encoders.map(({ encoder }) => encoder),
    options,
  );
  for (const { kept } of encoders) {
    if (kept.size !== extractor.size) throw new Error(`Kept vectors have ${kept.size} values.`);
  }
  const keys: PassResult["keys"] = [];
  const skipped: PassResult["skipped"] = [];
  const remarks: PassResult["remarks"] = [];
  const start = performance.now();
  const speed = { decoded: 0, audioSeconds: 0, seconds: 0, busy: Number.NaN };
  let failure: unknown;
  /** Tracks that turned out to be unusable after they had been taken. */
  const refused = new Map<number, string>();
  let waitingBytes = 0;
  const complete = (key: string) => all.every(({ kept }) => kept.has(key));

  const prepare = async (track: Track): Promise<Prepared> => {
    let key: string | undefined;
    try {
      if (track.source) {
        key = await sourceKey(track.source);
        if (complete(key)) return { key };
      }
      const waveform = await track.load();
      waitingBytes += bytesOf(waveform);
      return { key: key ?? waveformKey(waveform), waveform };
    } catch (error) {
      if (!(error instanceof DataError)) throw error;
      return { key: undefined, reason: error.message };
    }
  };

  const queue: Promise<Prepared>[] = [];
  let begun = 0;
  const ahead = sharedDecodePool().size + 2;
  const begin = () => {
    while (begun < total && (queue.length === 0 || (queue.length < ahead && waitingBytes < waiting))) {
      const next = prepare(tracks[begun++]);
      next.catch(() => {}); // thrown when its turn comes
      queue.push(next);
    }
  };

  const keep = async (vectors: Promise<readonly Float32Array[]>, key: string, kept: KeptVectors[]) => {
    try {
      for (const [i, vector] of (await vectors).entries()) kept[i].put(key, vector);
    } catch (error) {
      failure ??= error;
    }
  };
  /** Too short, as a rule. */
  const refuse = (track: number) => (error: unknown) => {
    if (!(error instanceof DataError || error instanceof ShapeError)) throw error;
    refused.set(track, error.message);
    return [];
  };
  const computing = new Set<Promise<void>>();
  const take = async ({ key, waveform }: Prepared, track: number): Promise<void> => {
    if (key === undefined || waveform === undefined) return;
    const wanted = [...encoders.keys()].filter((k) => !encoders[k].kept.has(key));
    if (wanted.length > 0) {
      const { vectors } = await extractor.push(waveform, wanted);
      void keep(
        vectors,
        key,
        wanted.map((k) => encoders[k].kept),
      );
    }
    for (const { compute, kept } of extras) {
      if (kept.has(key)) continue;
      const work = keep(
        compute(waveform).then((vector) => [vector], refuse(track)),
        key,
        [kept],
      ).finally(() => computing.delete(work));
      computing.add(work);
    }
    while (computing.size > extrasAhead * extras.length) await Promise.race(computing);
    for (const text of waveform.remarks ?? []) remarks.push({ track, text });
    speed.decoded++;
    speed.audioSeconds += waveform.channels[0].length / waveform.sampleRate;
  };
  const tell = () => {
    speed.seconds = (performance.now() - start) / 1000;
    if (extras.length === 0) speed.busy = extractor.meter.share;
    options.onProgress?.({ what, done: keys.length, total, unit, detail: speedText(speed) });
  };

  try {
    for (let i = 0; i < total; i++) {
      begin();
      tell();
      const prepared = await (queue.shift() as Promise<Prepared>);
      signal?.throwIfAborted();
      if (failure) throw failure;
      begin();
      let reason = prepared.reason;
      try {
        await take(prepared, i);
      } catch (error) {
        if (!(error instanceof DataError) || failure) throw failure ?? error;
        reason = error.message;
      }
      if (prepared.waveform) waitingBytes -= bytesOf(prepared.waveform);
      if (reason !== undefined) skipped.push({ track: i, reason });
      keys.push(reason === undefined ? prepared.key : undefined);
    }
    await extractor.flush();
    await Promise.all(computing);
    await new Promise((resolve) => setImmediate(resolve)); // the last vectors are kept
    if (failure) throw failure;
    for (const [track, reason] of refused) {
      if (keys[track] !== undefined) skipped.push({ track, reason });
      keys[track] = undefined;
    }
    tell();
    return { keys, skipped, remarks, speed };
  } finally {
    await Promise.allSettled(computing);
    await extractor.flush().catch(() => {});
    extractor.dispose();
  }
}

/** Vectors of the tracks that have some, one after another: [n, size]. Throws DataError where one is gone. */
export function keptValues(
  keys: readonly (string | undefined)[],
  kept: KeptVectors,
): Float32Array<ArrayBuffer> {
  const known = keys.filter((key) => key !== undefined);
  const values = new Float32Array(known.length * kept.size);
  for (const [i, key] of known.entries()) {
    const vector = kept.get(key);
    if (!vector) throw new DataError("A vector is gone from the cache: run this again.");
    values.set(vector, i * kept.size);
  }
  return values;
}

/** "412 h of audio an hour · adapter 97 % busy"; nothing before there is anything to say. */
export function speedText({ audioSeconds, seconds, busy }: PassSpeed): string | undefined {
  if (audioSeconds === 0) return undefined;
  const rate = audioSeconds / seconds;
  const share = Number.isNaN(busy) ? "" : ` · adapter ${Math.round(100 * busy)} % busy`;
  return `${rate.toFixed(rate < 10 ? 1 : 0)} h of audio an hour${share}`;
}

function bytesOf({ channels }: Waveform): number {
  return channels.reduce((sum, { byteLength }) => sum + byteLength, 0);
}
