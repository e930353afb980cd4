// What sounds like the chosen window, and "Find music like this": the library's nearest windows to any audio file, which is not
// kept. The comparing is the worker's.
import { type ReadonlySignal, signal, useSignal } from "@preact/signals";
import type { VNode } from "preact";
import { useRef } from "preact/hooks";
import type { App } from "../app.js";
import { clock, messageOf } from "../dom.js";
import { useOnce, useVisible } from "../hooks.js";
import { clipOf, frameOf, nearestTo, secondsOf } from "../map/nearest.js";
import { NeighbourList } from "../map/nearest-list.js";
import type { Neighbour } from "../protocol.js";

const COUNT = 10;
/** Milliseconds of rest before the worker is asked: a person walks through windows faster than that. */
const REST = 180;

/** What stands below a heading: words, or windows under the words that name them; `failed` where it may be tried again. */
interface Answer {
  words?: string;
  list?: readonly Neighbour[];
  label?: string;
  failed?: boolean;
}

export function Neighbours({ app }: { app: App }): VNode {
  const view = useRef<HTMLDivElement>(null);
  const visible = useVisible(view);
  const near = useOnce(() => followSelection(app, visible));
  const { answer } = near;
  const selected = app.selected.value;
  const clip = selected && clipOf(app, selected.clip);
  const title = clip
    ? `Like ${clip.name} at ${clock(secondsOf(app, clip, selected.startFrame))}`
    : "Like the chosen window";
  return (
    <div ref={view} class="view neighbours-view" aria-busy={near.busy.value || undefined}>
      <div class="neighbours-part">
        <h3>{title}</h3>
        <div class="neighbours-answer" aria-live="polite">
          <AnswerText app={app} answer={answer.value} />
          {answer.value.failed && (
            <button type="button" onClick={near.ask}>
              Try again
            </button>
          )}
        </div>
      </div>
      <FindLike app={app} />
    </div>
  );
}

function AnswerText({ app, answer: { words, list, label = "" } }: { app: App; answer: Answer }): VNode {
  const select = ({ clip, from }: Neighbour) => {
    app.selected.value = { clip, startFrame: frameOf(app, clipOf(app, clip), from) };
  };
  return (
    <>
      {words && <p class="hint">{words}</p>}
      {list && <NeighbourList app={app} neighbours={list} label={label} choose={select} />}
    </>
  );
}

/** The neighbours of the chosen window, asked for when it, the clips or the model have changed and the view is seen. */
function followSelection(app: App, visible: ReadonlySignal<boolean>) {
  const answer = signal<Answer>({});
  const busy = signal(false);
  let timer = 0;
  let turn = 0;

  async function fetch(clip: string, from: number, mine: number): Promise<void> {
    const name = clipOf(app, clip)?.name;
    busy.value = true;
    let next: Answer;
    try {
      const list = await nearestTo(app, clip, from, COUNT);
      next =
        list.length > 0
          ? { list, label: `Windows like ${name} at ${clock(from)}` }
          : { words: "No other clip is long enough to compare with." };
    } catch (error) {
      next = { words: messageOf(error), failed: true };
    }
    if (mine !== turn) return;
    answer.value = next;
    busy.value = false;
  }

  function ask(): void {
    clearTimeout(timer);
    const mine = ++turn;
    busy.value = false;
    const selected = app.selected.peek();
    const clip = selected && clipOf(app, selected.clip);
    if (!clip) answer.value = { words: "Choose a clip in the library, or a point in the map." };
    else if (app.clips.peek().length < 2)
      answer.value = { words: "Neighbours are windows of other clips: add a second clip." };
    else if (visible.peek() && app.adapter.peek()) {
      const from = secondsOf(app, clip, selected.startFrame);
      timer = window.setTimeout(() => void fetch(clip.id, from, mine), REST);
    }
  }

  app.selected.subscribe(ask);
  app.clips.subscribe(ask);
  app.adapter.subscribe(ask);
  app.model.subscribe(ask); // another model's are others
  visible.subscribe((now) => {
    if (now) ask();
  });
  let running = false;
  app.training.subscribe(({ status }) => {
    // After a training the neighbours are others.
    if (running && status !== "running") ask();
    running = status === "running";
  });
  return { answer, busy, ask };
}

/** The library's windows that come nearest to a file. */
function FindLike({ app }: { app: App }): VNode {
  const answer = useSignal<Answer>({});
  const searching = useRef(0);
  const search = async (file: File | undefined) => {
    if (!file) return;
    const mine = ++searching.current;
    if (app.clips.peek().length === 0) {
      answer.value = { words: "The library is empty: add the music to search in first." };
      return;
    }
    answer.value = { words: `Listening to ${file.name}…` };
    let next: Answer;
    try {
      const list = await app.engine.call("similarTo", file, COUNT);
      const words =
        list.length > 0 ? `Nearest to ${file.name}:` : `Nothing in the library compares with ${file.name}.`;
      next = { words, list, label: `Windows like ${file.name}` };
    } catch (error) {
      next = { words: messageOf(error) };
    }
    if (mine === searching.current) answer.value = next;
  };
  return (
    <div class="neighbours-part">
      <h3>Find music like this</h3>
      <FilePlace take={(file) => void search(file)} />
      <div class="neighbours-answer" aria-live="polite">
        <AnswerText app={app} answer={answer.value} />
      </div>
    </div>
  );
}

/** Takes a file by a button or dropped; the page would take what is dropped into the library. */
function FilePlace({ take }: { take: (file: File | undefined) => void }): VNode {
  const input = useRef<HTMLInputElement>(null);
  const dragging = useSignal(false);
  const over = (event: DragEvent) => {
    event.preventDefault();
    event.stopPropagation();
    dragging.value = true;
  };
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: what dropping does, the button below does too
    <div
      class={dragging.value ? "similar-drop dragging" : "similar-drop"}
      onDragEnter={over}
      onDragOver={over}
      onDragLeave={({ currentTarget, relatedTarget }) => {
        if (!currentTarget.contains(relatedTarget as Node | null)) dragging.value = false;
      }}
      onDrop={(event) => {
        event.preventDefault();
        event.stopPropagation();
        dragging.value = false;
        take(event.dataTransfer?.files[0]);
      }}
    >
      <p>
        <strong>Drop a clip here</strong> and hear what in the library comes nearest. It is compared and
        forgotten.
      </p>
      <button type="button" onClick={() => input.current?.click()}>
        Choose an audio file
      </button>
      <input
        ref={input}
        type="file"
        accept=".wav,.flac,.mp3,.ogg,.oga,.opus,.au,.snd,audio/*"
        class="sr-only"
        tabIndex={-1}
        aria-label="An audio file to compare with"
        onChange={({ currentTarget }) => {
          take(currentTarget.files?.[0]);
          currentTarget.value = "";
        }}
      />
    </div>
  );
}
