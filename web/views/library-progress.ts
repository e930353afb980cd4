// A bar for the worker's long work: decoding, composing, log-mels.
import type { App } from "../app.js";
import { h } from "../dom.js";

/** The bar; hidden while nothing is under way. */
export function followProgress(app: App): HTMLElement {
  const bar = h("progress", { "aria-label": "Progress" });
  const text = h("span", { class: "hint" });
  const element = h("div", { class: "progress", hidden: true }, text, bar);
  let timer = 0;
  app.engine.on("progress", ({ what, done, total }) => {
    clearTimeout(timer);
    element.hidden = false;
    text.textContent = total > 0 ? `${what} ${done}/${total}` : what;
    bar.setAttribute("aria-label", what);
    if (total > 0) {
      bar.max = total;
      bar.value = done;
    } else bar.removeAttribute("value");
    const over = total > 0 && done >= total;
    // Work that ends without a word (an error, say) must not leave its bar behind.
    timer = window.setTimeout(
      () => {
        element.hidden = true;
      },
      over ? 400 : 20_000,
    );
  });
  return element;
}
