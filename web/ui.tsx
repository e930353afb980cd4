// Small pieces that several views are made of: drawings, labelled fields, a button that asks twice, a file for the person to keep.
import { useSignal } from "@preact/signals";
import type { ComponentChild, VNode } from "preact";
import { useRef } from "preact/hooks";
import { useOnce } from "./hooks.js";
import type { ExportedFile } from "./protocol.js";

const drawings = {
  play: "M5 3.2v9.6c0 .6.6 1 1.1.7l7.4-4.8c.5-.3.5-1 0-1.3L6.1 2.5C5.6 2.2 5 2.6 5 3.2z",
  pause: "M4 3h3v10H4zM9 3h3v10H9z",
  stop: "M3.5 4.5a1 1 0 0 1 1-1h7a1 1 0 0 1 1 1v7a1 1 0 0 1-1 1h-7a1 1 0 0 1-1-1z",
  first: "M3 3h2v10H3zM13 3.6v8.8c0 .5-.5.8-.9.5L6 8.5a.6.6 0 0 1 0-1l6.1-4.4c.4-.3.9 0 .9.5z",
  cross: "M4.4 3.3 8 6.9l3.6-3.6 1.1 1.1L9.1 8l3.6 3.6-1.1 1.1L8 9.1l-3.6 3.6-1.1-1.1L6.9 8 3.3 4.4z",
} as const;

/** A small drawing in the colour of the text around it; it says nothing to screen readers. */
export function Icon({ name }: { name: keyof typeof drawings }): VNode {
  return (
    <svg class="icon" viewBox="0 0 16 16" aria-hidden="true">
      <path d={drawings[name]} fill="currentColor" />
    </svg>
  );
}

let fields = 0;

/** A control under its label; it gets the id that the label points to. */
export function Field(props: {
  label: string;
  hidden?: boolean;
  children: (id: string) => ComponentChild;
}): VNode {
  const id = useOnce(() => `field-${++fields}`);
  return (
    <div class="field" hidden={props.hidden}>
      <label for={id}>{props.label}</label>
      {props.children(id)}
    </div>
  );
}

/** A button that asks once more, for five seconds, before it does what cannot be undone. */
export function TwoStep(props: {
  text: string;
  question: string;
  disabled: boolean;
  run: () => void;
}): VNode {
  const asks = useSignal(false);
  const timer = useRef(0);
  const calm = () => {
    clearTimeout(timer.current);
    asks.value = false;
  };
  const press = () => {
    if (asks.value) {
      calm();
      props.run();
      return;
    }
    asks.value = true;
    timer.current = window.setTimeout(calm, 5000);
  };
  return (
    <button
      type="button"
      class={asks.value ? "danger" : ""}
      disabled={props.disabled}
      onClick={press}
      onBlur={calm}
    >
      {asks.value ? props.question : props.text}
    </button>
  );
}

/** Hands a file to the person. */
export function download({ name, type, bytes }: ExportedFile): void {
  const url = URL.createObjectURL(new Blob([bytes], { type }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
