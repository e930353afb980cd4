// The library: clips with their lengths, what a person calls them, and how they come and go (files, folders, dropping, demo
// music). Decoding is the worker's, what happens to files is library-intake.ts.
import type { VNode } from "preact";
import { useEffect, useRef } from "preact/hooks";
import type { App } from "../app.js";
import { clock, fail } from "../dom.js";
import { useOnce } from "../hooks.js";
import { followDrops } from "./library-drop.js";
import { createIntake, type Intake } from "./library-intake.js";
import { Progress } from "./library-progress.js";
import { ClipRow } from "./library-row.js";

const accept = ".wav,.flac,.mp3,.ogg,.oga,.opus,.au,.snd,audio/*";

export function Library({ app }: { app: App }): VNode {
  const intake = useOnce(() => createIntake(app));
  useEffect(() => followDrops(({ files, fromFolder }) => intake.add(files, fromFolder), fail(app)), []);
  const clips = app.clips.value;
  const seconds = clips.reduce((sum, clip) => sum + clip.seconds, 0);
  const labels = new Set(clips.flatMap((clip) => clip.label ?? []));
  return (
    <div class="view">
      <Sources app={app} intake={intake} />
      <Progress app={app} />
      <p class="empty" hidden={clips.length > 0}>
        <strong>Drop music anywhere on this page.</strong> Files or whole folders of WAV, FLAC, MP3, Ogg, Opus
        or AU. Nothing leaves this tab.
      </p>
      <p class="hint summary" aria-live="polite">
        {clips.length > 0 && `${clips.length} ${clips.length === 1 ? "clip" : "clips"}, ${clock(seconds)}`}
      </p>
      <ul class="clips" aria-label="Clips" hidden={clips.length === 0}>
        {clips.map((clip) => (
          <ClipRow key={clip.id} app={app} clip={clip} />
        ))}
      </ul>
      <datalist id="clip-labels">
        {[...labels].map((label) => (
          <option key={label} value={label} />
        ))}
      </datalist>
      <Refused intake={intake} />
    </div>
  );
}

/** Where music comes from: the demo, files, a folder. */
function Sources({ app, intake }: { app: App; intake: Intake }): VNode {
  const files = useRef<HTMLInputElement>(null);
  const folder = useRef<HTMLInputElement>(null);
  const take = (input: HTMLInputElement, fromFolder: boolean) => {
    intake.add([...(input.files ?? [])], fromFolder);
    input.value = "";
  };
  return (
    <div class="sources">
      <button
        type="button"
        class={app.clips.value.length === 0 ? "primary" : ""}
        disabled={!app.adapter.value || intake.composing.value}
        onClick={() => void intake.addDemo()}
      >
        Load demo music
      </button>
      <button type="button" onClick={() => files.current?.click()}>
        Add files
      </button>
      <button type="button" onClick={() => folder.current?.click()}>
        Add folder
      </button>
      <input
        ref={files}
        type="file"
        multiple
        accept={accept}
        class="sr-only"
        tabIndex={-1}
        aria-label="Audio files"
        onChange={(event) => take(event.currentTarget, false)}
      />
      <input
        ref={folder}
        type="file"
        multiple
        {...{ webkitdirectory: true }}
        class="sr-only"
        tabIndex={-1}
        aria-label="A folder of audio files"
        onChange={(event) => take(event.currentTarget, true)}
      />
    </div>
  );
}

/** Files that could not be used, each with its reason. */
function Refused({ intake }: { intake: Intake }): VNode | null {
  const lines = intake.refused.value;
  if (lines.length === 0) return null;
  return (
    <details class="refused" open>
      <summary>{lines.length === 1 ? "1 file" : `${lines.length} files`} could not be used</summary>
      <ul>
        {lines.map((line, i) => (
          <li key={i}>{line}</li>
        ))}
      </ul>
      <button type="button" class="quiet" onClick={intake.clearRefused}>
        Clear list
      </button>
    </details>
  );
}
