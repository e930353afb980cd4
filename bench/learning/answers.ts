// What rows answered, kept in the cache so that any two of them can be compared clip by clip later: float32 scores of one run on one
// task, by what they depend on. Throwing the folder away loses comparisons, no measurement.
import { createHash } from "node:crypto";
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { cacheFolder, writeWhole } from "../../src/host/cache.js";
import type { Predictions } from "../../src/probe/labels.js";

export class AnswerStore {
  readonly folder = join(cacheFolder(), "study-answers");

  /** Answers with the key given, for a task's labels; undefined where there are none of that size. */
  async get(key: unknown, of: Omit<Predictions, "scores">): Promise<Predictions | undefined> {
    const bytes = await readFile(this.path(key)).catch(() => undefined);
    if (!bytes || bytes.byteLength !== 4 * of.labels.length * of.outputs) return undefined;
    const values = new Float32Array(
      bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength),
    );
    return { ...of, scores: Float64Array.from(values) };
  }

  async put(key: unknown, { scores }: Predictions): Promise<void> {
    await mkdir(this.folder, { recursive: true });
    await writeWhole(this.path(key), new Uint8Array(Float32Array.from(scores).buffer));
  }

  /** What is kept, or what `make` gives, which is then kept. */
  async getOrMake(
    key: unknown,
    of: Omit<Predictions, "scores">,
    make: () => Promise<Predictions>,
  ): Promise<Predictions> {
    const kept = await this.get(key, of);
    if (kept) return kept;
    const made = await make();
    await this.put(key, made);
    return made;
  }

  private path(key: unknown): string {
    return join(
      this.folder,
      `${createHash("sha256").update(JSON.stringify(key)).digest("hex").slice(0, 32)}.f32`,
    );
  }
}
