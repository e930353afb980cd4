// Messages at the page's top: what happened, what is wrong, and what to do. Read out by screen readers (polite for news, at once
// for errors). Errors stay until they are dismissed; news leaves by itself.
import { type ReadonlySignal, signal } from "@preact/signals";
import type { VNode } from "preact";
import { Icon } from "../ui.js";

type Kind = "info" | "error";

interface Notice {
  id: number;
  text: string;
  kind: Kind;
  /** What it is released by; without one a person can dismiss it. */
  key?: string;
  action?: { label: string; run(): void };
}

export interface Notices {
  readonly shown: ReadonlySignal<readonly Notice[]>;
  say(text: string, kind?: Kind): void;
  /** A message that stands until `release` of the same key, with something to press. */
  hold(key: string, text: string, kind?: Kind, action?: Notice["action"]): void;
  release(key: string): void;
  dismiss(notice: Notice): void;
}

const newsMs = 7000;
/** Messages of one kind that stand at a time, beside those that are held. */
const most = 4;

export function createNotices(): Notices {
  const shown = signal<readonly Notice[]>([]);
  let last = 0;
  const keep = (wanted: (notice: Notice) => boolean) => {
    shown.value = shown.value.filter(wanted);
  };
  const add = (notice: Omit<Notice, "id">) => {
    const made = { ...notice, id: ++last };
    shown.value = [...shown.value, made];
    return made;
  };
  const release = (key: string) => keep((each) => each.key !== key);
  const dismiss = (notice: Notice) => keep((each) => each.id !== notice.id);
  return {
    shown,
    release,
    dismiss,
    say(text, kind = "info") {
      keep((each) => each.kind !== kind || each.text !== text); // the same again: once is enough
      const made = add({ text, kind });
      const loose = shown.value.filter((each) => each.kind === kind && each.key === undefined);
      const old = new Set(loose.slice(0, Math.max(0, loose.length - most)));
      keep((each) => !old.has(each));
      if (kind === "info") setTimeout(() => dismiss(made), newsMs);
    },
    hold(key, text, kind = "error", action) {
      release(key);
      add({ text, kind, key, action });
    },
  };
}

/** The messages of one kind, for the live region that is theirs. */
export function NoticeList({ notices, kind }: { notices: Notices; kind: Kind }): VNode {
  const list = notices.shown.value.filter((each) => each.kind === kind);
  return (
    <>
      {list.map((notice) => (
        <div key={notice.id} class={`notice ${kind}`}>
          <p>{notice.text}</p>
          {notice.action && (
            <button type="button" onClick={notice.action.run}>
              {notice.action.label}
            </button>
          )}
          {notice.key === undefined && (
            <button type="button" class="quiet" aria-label="Dismiss" onClick={() => notices.dismiss(notice)}>
              <Icon name="cross" />
            </button>
          )}
        </div>
      ))}
    </>
  );
}
