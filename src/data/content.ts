// What a clip is by its content: a short key made of the bytes of its file and of which part of it the clip is, or of its samples where
// there is no file, so that what was computed of it is found again whatever the file is called and wherever it lies.
import { createHash } from "node:crypto";
import type { Track, TrackSource, Waveform } from "./types.js";

/** Bytes of a key. */
export const keyBytes = 16;

/** The key of a track that is read from a file: 32 hexadecimal digits. Throws DataError where the file cannot be read. */
export async function sourceKey({ digest, start = 0, seconds }: TrackSource): Promise<string> {
  const content = await digest();
  return short(JSON.stringify(["file", content, start, seconds ?? null]));
}

/** The key of decoded audio. */
export function waveformKey({ sampleRate, channels }: Waveform): string {
  const hash = createHash("sha256").update(JSON.stringify(["samples", sampleRate, channels.length]));
  for (const { buffer, byteOffset, byteLength } of channels)
    hash.update(new Uint8Array(buffer, byteOffset, byteLength));
  return hash.digest("hex").slice(0, 2 * keyBytes);
}

function short(text: string): string {
  return createHash("sha256")
    .update(text)
    .digest("hex")
    .slice(0, 2 * keyBytes);
}

/** A whole number from 0 to `count` - 1 that depends on the name alone: which of so many shards a file belongs to. */
export function shardOf(name: string, count: number): number {
  return createHash("sha256").update(name).digest().readUInt32LE(0) % count;
}

/** One of several parts of a corpus. */
export interface Shard {
  /** From 0. */
  index: number;
  count: number;
}

/** Whether a clip belongs to the shard, or there is none: by the name of its file, so that clips of one file stay together. */
export function isInShard({ source, id }: Pick<Track, "source" | "id">, shard: Shard | undefined): boolean {
  return shard === undefined || shardOf(source?.file ?? id, shard.count) === shard.index;
}
