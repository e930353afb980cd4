// One clip of the library: play, choose, name with a label, remove.
import type { VNode } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import type { App } from "../app.js";
import { clock, fail } from "../dom.js";
import type { ClipInfo } from "../protocol.js";
import { Icon } from "../ui.js";

export function ClipRow({ app, clip }: { app: App; clip: ClipInfo }): VNode {
  const { id, name } = clip;
  const row = useRef<HTMLLIElement>(null);
  const selected = app.selected.value?.clip === id;
  const sounds = app.playing.value?.clip === id;

  const choose = () => {
    if (app.selected.peek()?.clip !== id) app.selected.value = { clip: id, startFrame: 0 };
  };
  const toggle = () => {
    if (app.playing.peek()?.clip === id) return app.stop();
    choose();
    void app.play({ clip: id, from: 0 });
  };
  const remove = async () => {
    await app.engine.call("removeClip", id);
    const neighbour = row.current?.nextElementSibling ?? row.current?.previousElementSibling;
    const focused = row.current?.contains(document.activeElement);
    app.clips.value = app.clips.peek().filter((each) => each.id !== id);
    if (focused) neighbour?.querySelector<HTMLElement>("button.name")?.focus();
  };
  return (
    <li ref={row} class={selected ? "selected" : ""}>
      <button type="button" class="round" aria-label={`${sounds ? "Stop" : "Play"} ${name}`} onClick={toggle}>
        <Icon name={sounds ? "stop" : "play"} />
      </button>
      <button
        type="button"
        class="name"
        title={name}
        aria-current={selected ? "true" : undefined}
        onClick={choose}
      >
        {name}
      </button>
      <div class="about">
        <span class="hint">{clock(clip.seconds)}</span>
        <LabelInput app={app} clip={clip} />
      </div>
      <button
        type="button"
        class="quiet"
        aria-label={`Remove ${name}`}
        onClick={() => void remove().catch(fail(app))}
      >
        <Icon name="cross" />
      </button>
    </li>
  );
}

/** What a person calls the clip; what is being written is left alone. */
function LabelInput({ app, clip: { id, name, label } }: { app: App; clip: ClipInfo }): VNode {
  const input = useRef<HTMLInputElement>(null);
  useLayoutEffect(() => {
    if (document.activeElement !== input.current) input.current!.value = label ?? "";
  }, [label]);
  const relabel = () => {
    const text = input.current!.value.trim() || undefined;
    app.engine.call("label", id, text).then(() => {
      app.clips.value = app.clips.peek().map((each) => (each.id === id ? { ...each, label: text } : each));
    }, fail(app));
  };
  return (
    <input
      ref={input}
      type="text"
      list="clip-labels"
      placeholder="label"
      maxLength={40}
      autocomplete="off"
      aria-label={`Label of ${name}`}
      onChange={relabel}
    />
  );
}
