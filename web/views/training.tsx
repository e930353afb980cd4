// The controls of training: start, pause, resume, what to train, and the model's way out of and into the page. What they do is
// training-form.ts, the work is the worker's; its curves are losses.tsx.
import type { Signal } from "@preact/signals";
import type { VNode } from "preact";
import { useRef } from "preact/hooks";
import { type App, asReleased } from "../app.js";
import { useOnce } from "../hooks.js";
import type { Begin, TrainingState } from "../protocol.js";
import { Field, TwoStep } from "../ui.js";
import { createTrainingForm, type TrainingForm } from "./training-form.js";

/** What a preset asks of a machine. */
const presets = [
  { value: "demo", text: "demo: any machine" },
  { value: "small", text: "small: a laptop's GPU, 1 GiB" },
  { value: "base", text: "base: a workstation's GPU, 3 GiB" },
];

const says: Record<TrainingState["status"], string> = {
  idle: "Not trained yet",
  preparing: "Preparing: measuring the clips and compiling kernels",
  running: "Training",
  paused: "Paused",
  done: "Done",
  failed: "Stopped by an error",
};

const isBusy = ({ status }: TrainingState) => status === "running" || status === "preparing";
const isDone = ({ status, step, steps }: TrainingState) =>
  status === "done" || (status === "paused" && step >= steps);

export function Training({ app }: { app: App }): VNode {
  const form = useOnce(() => createTrainingForm(app));
  const { step, steps } = app.training.value;
  return (
    <div class="view">
      <form
        ref={form.element}
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          void form.press();
        }}
      >
        <Actions app={app} form={form} />
        <State app={app} />
        <progress max={Math.max(1, steps)} value={step} aria-label="Steps done" />
        <Fields app={app} form={form} />
      </form>
    </div>
  );
}

function Actions({ app, form }: { app: App; form: TrainingForm }): VNode {
  const picker = useRef<HTMLInputElement>(null);
  const state = app.training.value;
  const none = !app.adapter.value;
  const paused = state.status === "paused";
  return (
    <div class="row actions">
      <button type="submit" class="primary" disabled={none || form.pressed.value}>
        {isBusy(state) ? "Pause" : isDone(state) ? "Train on" : paused ? "Resume" : "Start"}
      </button>
      <TwoStep text="Reset" question="Forget the weights?" disabled={none} run={form.reset} />
      <span class="spring" />
      <button type="button" disabled={none} onClick={form.exportModel}>
        Export
      </button>
      <button type="button" disabled={none} onClick={() => picker.current?.click()}>
        Import
      </button>
      <input
        ref={picker}
        type="file"
        multiple
        accept=".safetensors,.json"
        class="sr-only"
        tabIndex={-1}
        aria-label="model.safetensors and config.json"
        onChange={({ currentTarget }) => {
          form.importModel([...(currentTarget.files ?? [])]);
          currentTarget.value = "";
        }}
      />
      <TwoStep text="Forget" question="Delete clips and model?" disabled={none} run={form.forget} />
    </div>
  );
}

/** What the run is doing; read out when it changes, not at every step. */
function State({ app }: { app: App }): VNode {
  const state = app.training.value;
  const { status, step, steps } = state;
  const name = status === "idle" && asReleased(app);
  const word = name
    ? `${name}, as it was released: all below works with it; Start trains on`
    : says[isDone(state) ? "done" : status];
  const spoken = useRef({ status: "", word: "" });
  if (spoken.current.status !== status) spoken.current = { status, word };
  return (
    <>
      <p class="state" data-status={status}>
        {steps > 0 ? `${word}, step ${step} of ${steps}` : word}
      </p>
      <p class="sr-only" role="status">
        {spoken.current.word}
      </p>
    </>
  );
}

function Fields({ app, form }: { app: App; form: TrainingForm }): VNode {
  const busy = isBusy(app.training.value);
  const begun = app.training.value.step > 0; // the seed is the run's
  const { preset, begin } = form;
  const offered = app.offered.value;
  return (
    <div class="row fields">
      <NumberField name="Steps" value={form.steps} min={1} max={1_000_000} disabled={busy} />
      <NumberField name="Batch" value={form.batch} min={1} max={512} disabled={busy} />
      <NumberField name="Seed" value={form.seed} min={0} max={2 ** 31 - 1} disabled={busy || begun} />
      <Field label="Preset">
        {(id) => (
          <select
            id={id}
            value={preset.value}
            disabled={busy}
            onChange={(event) => {
              preset.value = event.currentTarget.value;
            }}
          >
            {presets.map(({ value, text }) => (
              <option key={value} value={value}>
                {text}
              </option>
            ))}
          </select>
        )}
      </Field>
      <Field label="Begin with" hidden={!offered}>
        {(id) => (
          <select
            id={id}
            value={begin.value}
            disabled={busy}
            onChange={(event) => {
              begin.value = event.currentTarget.value as Begin;
            }}
          >
            <option value="released" disabled={offered?.preset !== preset.value}>
              {`${offered?.name ?? ""} (released)`}
            </option>
            <option value="random">random weights</option>
          </select>
        )}
      </Field>
    </div>
  );
}

function NumberField(props: {
  name: string;
  value: Signal<string>;
  min: number;
  max: number;
  disabled: boolean;
}): VNode {
  const { name, value, min, max, disabled } = props;
  return (
    <Field label={name}>
      {(id) => (
        <input
          id={id}
          name={name}
          type="number"
          inputMode="numeric"
          step={1}
          required
          min={min}
          max={max}
          disabled={disabled}
          value={value.value}
          onInput={(event) => {
            value.value = event.currentTarget.value;
          }}
        />
      )}
    </Field>
  );
}
