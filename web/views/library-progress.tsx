// A bar for the worker's long work: decoding, composing, log-mels.
import { useSignal } from "@preact/signals";
import type { VNode } from "preact";
import { useRef } from "preact/hooks";
import type { App } from "../app.js";
import { useEngine } from "../hooks.js";
import type { Events } from "../protocol.js";

/** The bar; hidden while nothing is under way. */
export function Progress({ app }: { app: App }): VNode {
  const work = useSignal<Events["progress"] | undefined>(undefined);
  const timer = useRef(0);
  useEngine(app, "progress", (event) => {
    clearTimeout(timer.current);
    work.value = event;
    const over = event.total > 0 && event.done >= event.total;
    // Work that ends without a word (an error, say) must not leave its bar behind.
    timer.current = window.setTimeout(
      () => {
        work.value = undefined;
      },
      over ? 400 : 20_000,
    );
  });
  const { what = "Progress", done = 0, total = 0 } = work.value ?? {};
  return (
    <div class="progress" hidden={!work.value}>
      <span class="hint">{total > 0 ? `${what} ${done}/${total}` : what}</span>
      {total > 0 ? (
        <progress key="share" aria-label={what} max={total} value={done} />
      ) : (
        <progress key="busy" aria-label={what} />
      )}
    </div>
  );
}
