// How music comes into the library: files one call after the other, demo music, and what was refused. No elements.
import { type ReadonlySignal, signal } from "@preact/signals";
import type { App } from "../app.js";
import { fail } from "../dom.js";
import type { ClipInfo } from "../protocol.js";

const sound = /\.(wav|flac|mp3|ogg|oga|opus|au|snd)$/i;
/** Milliseconds within which clips that come one by one are shown together. */
const freshMs = 60;

export interface Intake {
  /** What could not be used, and why: a line each. */
  readonly refused: ReadonlySignal<readonly string[]>;
  /** Demo music is being made. */
  readonly composing: ReadonlySignal<boolean>;
  /** Takes files; those of a folder that are no audio by their name are passed over in silence. */
  add(files: readonly File[], fromFolder: boolean): void;
  addDemo(): Promise<void>;
  clearRefused(): void;
}

export function createIntake(app: App): Intake {
  const refused = signal<readonly string[]>([]);
  const composing = signal(false);
  const waiting: File[] = [];
  let working = false;

  /** One call after the other; without an adapter the files wait until there is one. */
  async function work(): Promise<void> {
    while (waiting.length > 0) {
      if (!app.adapter.peek()) {
        app.say(
          waiting.length === 1 ? "1 file waits for the GPU." : `${waiting.length} files wait for the GPU.`,
        );
        await adapterReady(app);
      }
      const now = waiting.splice(0);
      try {
        tell((await app.engine.call("addFiles", now)).refused);
      } catch (error) {
        fail(app)(error);
      }
    }
  }

  function tell(more: readonly { name: string; reason: string }[]): void {
    if (more.length === 0) return;
    const lines = more.map(({ name, reason }) => (reason.startsWith(name) ? reason : `${name}: ${reason}`));
    refused.value = [...refused.value, ...lines];
    const others = lines.length - 1;
    app.say(others === 0 ? lines[0] : `${lines[0]} (and ${others} more, listed in the library)`, "error");
  }

  followClips(app);
  return {
    refused,
    composing,
    add(files, fromFolder) {
      const chosen = fromFolder ? files.filter((file) => sound.test(file.name)) : files;
      if (chosen.length === 0 && files.length > 0) {
        app.say("That folder holds no WAV, FLAC, MP3, Ogg, Opus or AU files: choose another.", "error");
      }
      waiting.push(...chosen);
      if (working) return;
      working = true;
      void work().finally(() => {
        working = false;
      });
    },
    async addDemo() {
      composing.value = true;
      try {
        await app.engine.call("addDemo");
      } catch (error) {
        fail(app)(error);
      } finally {
        composing.value = false;
      }
    },
    clearRefused() {
      refused.value = [];
    },
  };
}

/** Clips come while the call that adds them goes on: the first can be heard and seen at once. Many that come fast are shown together. */
function followClips(app: App): void {
  let fresh: ClipInfo[] = [];
  app.engine.on("clip", (clip) => {
    if (fresh.push(clip) > 1) return;
    setTimeout(() => {
      const ids = new Set(fresh.map(({ id }) => id));
      const all = [...app.clips.peek().filter(({ id }) => !ids.has(id)), ...fresh];
      fresh = [];
      app.clips.value = all;
    }, freshMs);
  });
}

/** Resolves when there is an adapter. */
function adapterReady(app: App): Promise<void> {
  return new Promise((done) => {
    const end = app.adapter.subscribe((adapter) => {
      if (!adapter) return;
      queueMicrotask(() => end());
      done();
    });
  });
}
