// Messages at the page's top: what happened, what is wrong, and what to do. Read out by screen readers (polite for news, at once
// for errors). Errors stay until they are dismissed; news leaves by itself.
import { h, icon } from "../dom.js";

export interface Notices {
  say(text: string, kind?: "info" | "error"): void;
  /** A message that stands until `release` of the same key, with something to press. */
  hold(key: string, text: string, kind?: "info" | "error", action?: { label: string; run(): void }): void;
  release(key: string): void;
}

const newsMs = 7000;
const most = 4;

/** `polite` is a role=status element, `urgent` a role=alert one. */
export function createNotices(polite: HTMLElement, urgent: HTMLElement): Notices {
  const held = new Map<string, HTMLElement>();
  polite.replaceChildren(); // what stood there for browsers that cannot run this

  function make(text: string, kind: "info" | "error"): HTMLElement {
    return h("div", { class: `notice ${kind}` }, h("p", {}, text));
  }

  function withDismiss(element: HTMLElement): HTMLElement {
    element.append(
      h(
        "button",
        { type: "button", class: "quiet", "aria-label": "Dismiss", onclick: () => element.remove() },
        icon("cross"),
      ),
    );
    return element;
  }

  return {
    say(text, kind = "info") {
      const place = kind === "error" ? urgent : polite;
      for (const other of place.children) {
        if (other.querySelector("p")?.textContent === text) other.remove(); // the same again: once is enough
      }
      const element = withDismiss(make(text, kind));
      place.append(element);
      const loose = [...place.children].filter((child) => ![...held.values()].includes(child as HTMLElement));
      for (const old of loose.slice(0, Math.max(0, loose.length - most))) old.remove();
      if (kind === "info") setTimeout(() => element.remove(), newsMs);
    },
    hold(key, text, kind = "error", action) {
      held.get(key)?.remove();
      const element = make(text, kind);
      if (action) {
        element.append(h("button", { type: "button", onclick: () => action.run() }, action.label));
      }
      held.set(key, element);
      (kind === "error" ? urgent : polite).append(element);
    },
    release(key) {
      held.get(key)?.remove();
      held.delete(key);
    },
  };
}
