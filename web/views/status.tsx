// One line on what the page runs on and how much it holds: adapter, GPU memory, step, what is saved.
import { useSignal } from "@preact/signals";
import type { VNode } from "preact";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { type App, asReleased } from "../app.js";
import { bytesText, fail } from "../dom.js";
import { useEngine } from "../hooks.js";

const everyMs = 3000;

export function Status({ app }: { app: App }): VNode {
  const loss = useSignal<number | undefined>(undefined);
  const saved = useSignal<number | undefined>(undefined);
  const report = useSignal("");
  const memory = useMemory(app);
  useEngine(app, "step", (event) => {
    loss.value = event.loss;
  });
  useEngine(app, "saved", ({ step }) => {
    saved.value = step;
  });
  const adapter = app.adapter.value;
  return (
    <div id="status" class="status" data-adapter={adapter ? "open" : "none"}>
      <span class="adapter">{adapter?.name ?? "no adapter"}</span>
      <span
        class="badge"
        hidden={!adapter?.software}
        title="The browser computes on the processor: everything works, slowly."
      >
        software
      </span>
      <span>{stepText(app, loss.value)}</span>
      <span class="wide">{memory}</span>
      <span class="wide">{saved.value === undefined ? "" : `saved at step ${saved.value}`}</span>
      <button
        type="button"
        class="quiet"
        disabled={!adapter}
        title="A text on this browser's GPU, to paste into a bug report"
        onClick={() =>
          copyReport(app).then((text) => {
            report.value = text ?? "";
          }, fail(app))
        }
      >
        Report
      </button>
      {report.value && (
        <Report
          text={report.value}
          close={() => {
            report.value = "";
          }}
        />
      )}
    </div>
  );
}

function stepText(app: App, loss: number | undefined): string {
  const { status, step } = app.training.value;
  const name = asReleased(app);
  if (name && status === "idle") return `model ${name}`;
  const running = status === "running" ? "training, " : "";
  return `${running}step ${step}${loss === undefined || step === 0 ? "" : `, loss ${loss.toPrecision(3)}`}`;
}

/** What the engine holds on the GPU, asked every few seconds while the page is seen. */
function useMemory(app: App) {
  const memory = useSignal("");
  useEffect(() => {
    let asking = false;
    const ask = async () => {
      if (asking || document.hidden || !app.adapter.peek()) return;
      asking = true;
      try {
        const { gpuBytes } = await app.engine.call("usage");
        memory.value = `GPU ${bytesText(gpuBytes)}`;
      } catch {
        memory.value = ""; // an adapter that is just being lost has nothing to tell
      } finally {
        asking = false;
      }
    };
    const timer = setInterval(ask, everyMs);
    const end = app.adapter.subscribe(() => void ask());
    return () => {
      clearInterval(timer);
      end();
    };
  }, []);
  return memory;
}

/** The adapter's report to the clipboard; where the browser refuses that, the text comes back. */
async function copyReport(app: App): Promise<string | undefined> {
  const text = await app.engine.call("adapterReport");
  try {
    await navigator.clipboard.writeText(text);
    app.say("The adapter's report is on the clipboard: paste it into a bug report.");
    return undefined;
  } catch {
    return text;
  }
}

/** The report in a window to copy it from. */
function Report({ text, close }: { text: string; close: () => void }): VNode {
  const dialog = useRef<HTMLDialogElement>(null);
  const area = useRef<HTMLTextAreaElement>(null);
  useLayoutEffect(() => {
    dialog.current?.showModal();
    area.current?.select();
  }, []);
  return (
    <dialog ref={dialog} onClose={close}>
      <textarea ref={area} readOnly rows={20} cols={80} aria-label="Adapter report" value={text} />
      <button type="button" onClick={() => dialog.current?.close()}>
        Close
      </button>
    </dialog>
  );
}
