// A run's music: opened, made into log-mels, and known again when the run goes on. The first of several processes fetches and renders
// it; each transforms its share.
import { openCorpus } from "../data/corpora/index.js";
import { sharedDecodePool } from "../data/decode-pool.js";
import { openFolder } from "../data/folder.js";
import { MelStore } from "../data/mel-store.js";
import { MelWriter } from "../data/mel-writer.js";
import { openSetCorpus } from "../data/sets/index.js";
import type { Corpus, OnProgress } from "../data/types.js";
import { DataError } from "../gpu/errors.js";
import { exists } from "../host/cache.js";
import { alone, meet, type ProcessGroup } from "../host/group.js";
import type { FrontEndConfig, ModelConfig } from "../patchifier/config.js";
import { checkFrontEnd } from "../patchifier/front-end.js";
import type { Gpu } from "../tensor/gpu.js";
import { fingerprint } from "./checkpoint.js";
import type { DataChoice, RunConfig } from "./config.js";
import type { Phase } from "./phases.js";
import { checkMusic, type MusicContents } from "./resume-rules.js";
import type { RunFolder } from "./run-folder.js";

/** Who prepares music, and whom it is told. */
interface MusicOptions {
  gpu: Gpu;
  events: { note(text: string): void; phase?(phase: Phase): void; progress: OnProgress };
  signal?: AbortSignal;
  group?: ProcessGroup;
}

/** Opens the music and its log-mels. The first of several processes fetches and renders it; each transforms its share. */
export async function prepareMusic(
  { gpu, events, signal, group = alone }: MusicOptions,
  data: DataChoice,
  seed: number,
  model: ModelConfig,
  chroma: boolean,
): Promise<{ store: MelStore; corpus: Corpus }> {
  const onProgress = events.progress;
  events.phase?.("music");
  if (group.rank > 0) await meet(group);
  const takes = data.kind === "folder" && group.size === 1 && sharedDecodePool().decoders !== undefined;
  const writer = takes ? new FirstMels(gpu, model.frontEnd, chroma) : undefined;
  let corpus: Corpus;
  try {
    corpus = await openMusic(data, seed, events, signal, writer);
  } finally {
    await writer?.dispose();
  }
  if (group.rank === 0 && group.size > 1) await meet(group);
  events.note(`music: ${corpus.name} (${corpus.why})`);
  await checkFrontEnd(gpu, model.frontEnd);
  events.phase?.("log-mels");
  const store = await MelStore.build(gpu, corpus, model.frontEnd, { chroma, onProgress, signal, group });
  const skipped = [...corpus.skipped, ...store.skipped];
  if (skipped.length > 0) {
    events.note(`skipped ${skipped.length} of ${skipped.length + store.tracks.length} files:`);
    for (const { path, reason } of skipped.slice(0, 20)) events.note(`  ${path}: ${reason}`);
    if (skipped.length > 20) events.note(`  … and ${skipped.length - 20} more (config.json names them all)`);
  }
  if (store.remarks.length > 0) {
    events.note(
      `odd, and used all the same, ${store.remarks.length === 1 ? "1 file" : `${store.remarks.length} files`}:`,
    );
    for (const { path, text } of store.remarks.slice(0, 20)) events.note(`  ${path}: ${text}`);
    if (store.remarks.length > 20)
      events.note(`  … and ${store.remarks.length - 20} more (config.json names them all)`);
  }
  return { store, corpus: { ...corpus, skipped } };
}

/** Makes log-mels of the files of a folder while they are looked at; opened with the first, so that a folder without any says so at once. */
class FirstMels {
  private writer: Promise<MelWriter> | undefined;

  constructor(
    private readonly gpu: Gpu,
    private readonly config: FrontEndConfig,
    private readonly chroma: boolean,
  ) {}

  take = async (...[track, waveform]: Parameters<MelWriter["take"]>): Promise<void> => {
    this.writer ??= this.open();
    await (await this.writer).take(track, waveform);
  };

  async dispose(): Promise<void> {
    (await this.writer?.catch(() => undefined))?.dispose();
  }

  private async open(): Promise<MelWriter> {
    await checkFrontEnd(this.gpu, this.config);
    return MelWriter.open(this.gpu, this.config, { chroma: this.chroma });
  }
}

async function openMusic(
  data: DataChoice,
  seed: number,
  { note, progress: onProgress }: MusicOptions["events"],
  signal: AbortSignal | undefined,
  writer: FirstMels | undefined,
): Promise<Corpus> {
  if (data.kind !== "corpus" && !(await exists(data.path))) {
    throw new DataError(
      `The music of this run was in ${data.path}, which is not there: write --data FOLDER with where it is now.`,
    );
  }
  switch (data.kind) {
    case "folder":
      return openFolder(data.path, { onProgress, signal, take: writer?.take });
    case "set":
      return openSetCorpus(data.set, data.path, data.subset, { seed, note, onProgress, signal });
    case "corpus":
      return openCorpus(data.name, { tracks: data.tracks, onProgress, signal });
  }
}

/** Beside config.json: the contents of every track. */
export const musicName = "music.json";

/** The contents of every track, by its id. */
export function contentsOf(store: MelStore): MusicContents {
  return Object.fromEntries(store.tracks.map(({ id, content }) => [id, content]));
}

/** Throws DataError where the music is not what the run was started with. */
export async function checkSameMusic(run: RunFolder, { corpus }: RunConfig, store: MelStore): Promise<void> {
  const { contents, fingerprint: lengths } = corpus;
  const now = contentsOf(store);
  if (contents === undefined ? lengths === tracksFingerprint(store) : contents === fingerprint(now)) return;
  if (await exists(run.file(musicName))) checkMusic((await run.readJson(musicName)) as MusicContents, now);
  throw new DataError(
    "The music is not what this run was started with (files were added, removed or changed): put it back as it was, or start a new run with another --out.",
  );
}

/** Of the tracks' names and lengths, by which a checkpoint knows its music. */
export function tracksFingerprint(store: MelStore): string {
  return fingerprint(store.tracks.map(({ id, frames }) => [id, frames]));
}
