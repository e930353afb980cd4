// Fine-tuning in the tab: give clips a class, train a probe on the frozen features, see how good it is on windows that it has not
// seen, keep it as a file. The training is the worker's; the table of clips is finetune-table.tsx.
import { type Signal, useSignal } from "@preact/signals";
import type { VNode } from "preact";
import { useRef } from "preact/hooks";
import type { App } from "../app.js";
import { fail, messageOf } from "../dom.js";
import { download } from "../ui.js";
import { trainedProbe } from "./finetune-probe.js";
import { Result } from "./finetune-result.js";
import { ClassTable } from "./finetune-table.js";

export function FineTune({ app }: { app: App }): VNode {
  /** Classes that have been named here; one without a clip is known by this alone. */
  const named = useSignal<ReadonlySet<string>>(new Set());
  const busy = useSignal(false);
  const problem = useSignal("");
  const clips = app.clips.value;
  const classes = classesOf(app, named.value);
  const { text, ready, warns } = describe(app, busy.value);
  const result = trainedProbe.value;
  const train = async () => {
    busy.value = true;
    try {
      trainedProbe.value = await app.engine.call("fineTune");
      problem.value = "";
    } catch (error) {
      problem.value = messageOf(error);
    } finally {
      busy.value = false;
    }
  };
  return (
    <div class="view finetune-view">
      <div class="finetune-bar">
        <Classes app={app} classes={classes} named={named} />
        <AddClass app={app} named={named} />
      </div>
      <p class="empty" hidden={clips.length > 0}>
        Add clips to the library, then give each a class here.
      </p>
      <ClassTable
        app={app}
        classes={classes}
        keep={(name) => {
          named.value = new Set([...named.value, name]);
        }}
      />
      <div class="row">
        <button type="button" class="primary" disabled={busy.value || !ready} onClick={() => void train()}>
          Train probe
        </button>
        <button
          type="button"
          disabled={!result}
          onClick={() => void app.engine.call("exportProbe").then(download, fail(app))}
        >
          Export probe
        </button>
      </div>
      <p class={warns ? "finetune-state warning" : "finetune-state"} aria-live="polite">
        {text}
      </p>
      <div class="finetune-results">
        {problem.value ? (
          <p class="finetune-state warning" role="alert">
            {problem.value}
          </p>
        ) : (
          result && <Result result={result} />
        )}
      </div>
    </div>
  );
}

function classesOf(app: App, named: ReadonlySet<string>): string[] {
  const used = app.clips.value.flatMap(({ label }) => label || []);
  return [...new Set([...used, ...named])].sort((a, b) => a.localeCompare(b));
}

/** Each class with its number of clips; one without clips can be taken back. */
function Classes(props: { app: App; classes: readonly string[]; named: Signal<ReadonlySet<string>> }): VNode {
  const { app, classes, named } = props;
  return (
    <ul class="finetune-classes" aria-label="Classes">
      {classes.map((name) => {
        const count = app.clips.value.filter(({ label }) => label === name).length;
        return (
          <li key={name}>
            <span>{name}</span>
            <small>{`${count} ${count === 1 ? "clip" : "clips"}`}</small>
            {count === 0 && (
              <button
                type="button"
                aria-label={`Remove class ${name}`}
                onClick={() => {
                  named.value = new Set([...named.value].filter((each) => each !== name));
                }}
              >
                ×
              </button>
            )}
          </li>
        );
      })}
    </ul>
  );
}

function AddClass({ app, named }: { app: App; named: Signal<ReadonlySet<string>> }): VNode {
  const input = useRef<HTMLInputElement>(null);
  return (
    <form
      class="finetune-add"
      onSubmit={(event) => {
        event.preventDefault();
        const name = input.current!.value.trim();
        if (name) named.value = new Set([...named.value, name]);
        else app.say("Write the class's name first.", "error");
        input.current!.value = "";
        input.current!.focus();
      }}
    >
      <input
        ref={input}
        type="text"
        placeholder="a class, such as piano"
        aria-label="Name of a class"
        autocomplete="off"
        maxLength={40}
      />
      <button type="submit">Add class</button>
    </form>
  );
}

/** What stands between the labels and a training, or what to know about it. */
function describe(app: App, busy: boolean): { text: string; ready: boolean; warns?: boolean } {
  const clips = app.clips.value;
  const counts = new Map<string, number>();
  for (const { label } of clips) if (label) counts.set(label, (counts.get(label) ?? 0) + 1);
  const ready = counts.size >= 2 && !!app.adapter.value;
  if (busy) return { text: "Training the probe…", ready };
  if (clips.length === 0) return { text: "", ready };
  if (!app.adapter.value) return { text: "Waiting for the GPU.", ready };
  if (counts.size === 0)
    return { text: "A probe needs two classes: add them above, then give clips to each.", ready };
  if (counts.size === 1) {
    const [only] = counts.keys();
    return {
      text: `A probe needs two classes, and only ${only} has clips: give another class a clip.`,
      ready,
    };
  }
  const single = [...counts]
    .filter(([, count]) => count === 1)
    .map(([name]) => name)
    .sort();
  if (single.length === 0) {
    const all = [...counts.values()].reduce((sum, count) => sum + count, 0);
    return { text: `Ready: ${all} clips in ${counts.size} classes.`, ready };
  }
  const [have, their] = single.length === 1 ? ["has", "its"] : ["have", "their"];
  return {
    text: `${listed(single)} ${have} one clip only: ${their} held-out windows come from the clip that is trained on, which flatters the accuracy. Two clips a class are better.`,
    ready,
    warns: true,
  };
}

function listed(names: readonly string[]): string {
  return names.length < 2
    ? names.join("")
    : `${names.slice(0, -1).join(", ")} and ${names[names.length - 1]}`;
}
