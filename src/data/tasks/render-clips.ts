// Renders the clips of a task that its folder does not have yet; an interrupted preparation goes on where it was.

import { join } from "node:path";
import { exists, writeWhole } from "../../host/cache.js";
import type { RenderJob } from "../midi/render-job.js";
import { renderAll } from "../midi/render-pool.js";
import type { OnProgress } from "../types.js";

/** Seconds of audio in every clip of every task made here. */
export const CLIP_SECONDS = 10;

/** Renders each job to `folder/file` unless that file is there. */
export async function renderClips(
  folder: string,
  what: string,
  clips: readonly { file: string; job: RenderJob }[],
  options: { onProgress?: OnProgress; signal?: AbortSignal },
): Promise<void> {
  const missing: (typeof clips)[number][] = [];
  for (const clip of clips) if (!(await exists(join(folder, clip.file)))) missing.push(clip);
  let done = clips.length - missing.length;
  const tell = () => options.onProgress?.({ what, done, total: clips.length, unit: "clips" });
  tell();
  await renderAll(
    missing.map((clip) => clip.job),
    async (index, wav) => {
      await writeWhole(join(folder, missing[index].file), wav);
      done++;
      tell();
    },
    options.signal,
  );
}
