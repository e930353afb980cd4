// The microphone: its log-mel as it comes, what the trained probe hears in it, and recordings for the library. How it works is
// microphone-session.ts.
import type { VNode } from "preact";
import { useRef } from "preact/hooks";
import type { App } from "../app.js";
import { clock } from "../dom.js";
import { useOnce, useVisible } from "../hooks.js";
import { ShareBar } from "../map/nearest-list.js";
import { trainedProbe } from "./finetune-probe.js";
import { SHOWN } from "./microphone-mel.js";
import { createSession, type Session } from "./microphone-session.js";

export function Microphone({ app }: { app: App }): VNode {
  const view = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const visible = useVisible(view);
  const session = useOnce(() => createSession(app, canvas, visible));
  const { text, bad } = session.says.value;
  const status = session.status.value;
  return (
    <div ref={view} class="view microphone-view" data-state={status === "opening" ? "off" : status}>
      <Controls session={session} />
      <p class={bad ? "hint warning" : "hint"} aria-live="polite">
        {text}
      </p>
      <figure class="microphone-picture">
        <canvas
          ref={canvas}
          class="microphone-mel"
          role="img"
          aria-label="Log-mel of the microphone, moving"
        />
        <figcaption class="microphone-axis">
          <span>{SHOWN} s ago</span>
          <span>now</span>
        </figcaption>
      </figure>
      <h3>What the probe hears</h3>
      <Heard session={session} />
    </div>
  );
}

function Controls({ session }: { session: Session }): VNode {
  const status = session.status.value;
  const recording = status === "recording";
  const listening = recording || status === "listening";
  const devices = session.devices.value;
  return (
    <div class="row">
      <button
        type="button"
        class="primary"
        disabled={status === "opening"}
        aria-pressed={listening}
        onClick={session.toggle}
      >
        {listening ? "Stop listening" : "Listen"}
      </button>
      <button
        type="button"
        class={recording ? "recording" : ""}
        disabled={!listening}
        onClick={session.toggleRecording}
      >
        {recording ? "Stop and keep" : "Record"}
      </button>
      <span class="microphone-time" role="timer" aria-label="Length of the recording">
        {recording && clock(session.recorded.value, true)}
      </span>
      <label class="field" hidden={devices.length < 2}>
        <span>Microphone</span>
        <select
          aria-label="Microphone"
          value={session.device.value}
          onChange={(event) => session.useDevice(event.currentTarget.value)}
        >
          {devices.map(({ id, name }) => (
            <option key={id} value={id}>
              {name}
            </option>
          ))}
        </select>
      </label>
      <Level session={session} />
    </div>
  );
}

/** How loud it is; by itself, since it moves at the screen's rate. */
function Level({ session }: { session: Session }): VNode {
  return (
    <div class="microphone-level" aria-hidden="true">
      <i style={{ transform: `scaleX(${session.level.value.toFixed(3)})` }} />
    </div>
  );
}

function Heard({ session: { hearing, status } }: { session: Session }): VNode {
  const heard = hearing.heard.value;
  const waits = trainedProbe.value
    ? "Press Listen to hear it."
    : "Train a probe first; then its classes move here as you play, sing or knock.";
  const off = status.value === "off" || status.value === "opening";
  const best = heard ? Math.max(...heard.probabilities) : 0;
  return (
    <div class="microphone-classes">
      {heard ? (
        <ul aria-label="Classes and their probabilities">
          {heard.classes.map((name, i) => (
            <li key={name} class={heard.probabilities[i] === best ? "best" : ""}>
              <span>{name}</span>
              <ShareBar share={heard.probabilities[i]} />
              <output>{`${Math.round(100 * heard.probabilities[i])} %`}</output>
            </li>
          ))}
        </ul>
      ) : (
        <p class="hint">{(!off && hearing.hint.value) || waits}</p>
      )}
    </div>
  );
}
