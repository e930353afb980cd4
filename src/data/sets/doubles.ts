// Finds clips of a list that are the same recording under two names, by the bytes of their files, so that each is taken once and
// none stands on both sides of a split. Not here: recordings that are alike and not the same.
import { sharedDecodePool } from "../decode-pool.js";
import type { Problems } from "./problems.js";
import type { SetFile } from "./set-files.js";
import type { SetClip } from "./types.js";

/** A clip and the line of the list that it stands in. */
export interface ListedClip {
  clip: SetClip;
  at: { file: string; line: number };
}

/**
 * The clips without those whose audio stood in the list before under another name, which are reported. Excerpts of one recording that
 * differ in where they start share a group.
 */
export async function withoutDoubles(
  listed: readonly ListedClip[],
  problems: Problems,
  signal?: AbortSignal,
): Promise<ListedClip[]> {
  const contents = await contentsOf(new Set(listed.map(({ clip }) => clip.file)), signal);
  const firsts = new Map<string, ListedClip>();
  return listed.filter((each) => {
    const { clip, at } = each;
    const content = contents.get(clip.file);
    if (content === undefined) return true;
    clip.groups.push(`content:${content}`);
    const key = `${content}@${clip.start ?? 0}+${clip.seconds ?? ""}`;
    const first = firsts.get(key);
    if (!first || first.clip.file === clip.file) {
      firsts.set(key, first ?? each);
      return true;
    }
    problems.add(
      "label",
      at,
      `${clip.file.path} is the same recording as ${first.clip.file.path} in line ${first.at.line}, which is taken; skipped`,
    );
    return false;
  });
}

/** A digest of each file that may have a double: those of one size. Files that cannot be read are found out when they are decoded. */
async function contentsOf(files: ReadonlySet<SetFile>, signal?: AbortSignal): Promise<Map<SetFile, string>> {
  const bySize = new Map<number, SetFile[]>();
  for (const file of files) {
    signal?.throwIfAborted();
    if (file.onDisk === undefined) continue;
    const size = await file.size().catch(() => undefined);
    if (size === undefined || size === 0) continue;
    const same = bySize.get(size);
    if (same) same.push(file);
    else bySize.set(size, [file]);
  }
  const contents = new Map<SetFile, string>();
  const alike = [...bySize.values()].filter(({ length }) => length > 1).flat();
  await Promise.all(
    alike.map(async (file) => {
      const digest = sharedDecodePool().digestFile(file.onDisk as string, { name: file.path, signal });
      const content = await digest.catch(() => undefined);
      if (content !== undefined) contents.set(file, content);
    }),
  );
  signal?.throwIfAborted();
  return contents;
}
