// Small helpers for making elements and for telling of failures. Not a framework: what is made here is plain DOM.
import type { App } from "./app.js";

type Value = string | number | boolean | undefined | ((event: never) => void);

/**
 * An element with attributes, listeners and children. `on…` functions become listeners; `true` sets an empty attribute, `false`
 * and undefined none; `value` and `checked` set the property. Text is never read as HTML.
 */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Record<string, Value> = {},
  ...children: (Node | string)[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name.slice(2), value as (event: Event) => void);
    else if (name === "value" || name === "checked") Object.assign(element, { [name]: value });
    else if (value === true) element.setAttribute(name, "");
    else if (value !== undefined && value !== false) element.setAttribute(name, String(value));
  }
  element.append(...children);
  return element;
}

/** The same for SVG. */
export function svg<K extends keyof SVGElementTagNameMap>(
  tag: K,
  attributes: Record<string, string | number> = {},
  ...children: (Node | string)[]
): SVGElementTagNameMap[K] {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  element.append(...children);
  return element;
}

const drawings = {
  play: "M5 3.2v9.6c0 .6.6 1 1.1.7l7.4-4.8c.5-.3.5-1 0-1.3L6.1 2.5C5.6 2.2 5 2.6 5 3.2z",
  pause: "M4 3h3v10H4zM9 3h3v10H9z",
  stop: "M3.5 4.5a1 1 0 0 1 1-1h7a1 1 0 0 1 1 1v7a1 1 0 0 1-1 1h-7a1 1 0 0 1-1-1z",
  first: "M3 3h2v10H3zM13 3.6v8.8c0 .5-.5.8-.9.5L6 8.5a.6.6 0 0 1 0-1l6.1-4.4c.4-.3.9 0 .9.5z",
  cross: "M4.4 3.3 8 6.9l3.6-3.6 1.1 1.1L9.1 8l3.6 3.6-1.1 1.1L8 9.1l-3.6 3.6-1.1-1.1L6.9 8 3.3 4.4z",
} as const;

/** A small drawing in the colour of the text around it; it says nothing to screen readers. */
export function icon(name: keyof typeof drawings): SVGSVGElement {
  const path = svg("path", { d: drawings[name], fill: "currentColor" });
  return svg("svg", { class: "icon", viewBox: "0 0 16 16", "aria-hidden": "true" }, path);
}

/** An element that stands in the page already; a missing one is a mistake of ours. */
export function byId(id: string): HTMLElement {
  const element = document.getElementById(id);
  if (!element) throw new Error(`The page has no element #${id}.`);
  return element;
}

let fields = 0;

/** A control under its label. */
export function field(label: string, control: HTMLElement, hint?: string): HTMLElement {
  control.id ||= `field-${++fields}`;
  return h(
    "div",
    { class: "field" },
    h("label", { for: control.id }, label),
    control,
    ...(hint ? [h("small", {}, hint)] : []),
  );
}

/** For `.catch(fail(app))`: says what went wrong and goes on. */
export function fail(app: App): (error: unknown) => void {
  return (error) => app.say(messageOf(error), "error");
}

/** What an error says, with advice where its own message has none. */
export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.name === "OutOfMemoryError" && !/batch|preset|smaller/i.test(error.message)) {
    return `${error.message} Use a smaller batch or preset, or close other pages that use the GPU.`;
  }
  return error.message || error.name;
}

/** Seconds as m:ss, with a tenth where `fine`. */
export function clock(seconds: number, fine = false): string {
  const tenths = Math.max(0, Math.floor(seconds * 10 + 1e-6));
  const whole = Math.floor(tenths / 10);
  const text = `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
  return fine ? `${text}.${tenths % 10}` : text;
}

/** Bytes in KiB, MiB or GiB. */
export function bytesText(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB"];
  let power = 0;
  while (power < 3 && bytes >= 1000 * 1024 ** power) power++;
  const value = bytes / 1024 ** power;
  return `${value < 10 && power > 0 ? value.toFixed(1) : Math.round(value)} ${units[power]}`;
}

/** Calls `listener` when `element` comes near the screen and when it leaves it. */
export function followVisibility(
  element: Element,
  listener: (visible: boolean) => void,
  margin = "200px",
): void {
  new IntersectionObserver(
    (entries) => {
      listener(entries[entries.length - 1].isIntersecting);
    },
    { rootMargin: margin },
  ).observe(element);
}

/** Calls `redraw` when the size of `element`, the colour scheme or the screen's density changes. */
export function followLook(element: Element, redraw: () => void): void {
  new ResizeObserver(redraw).observe(element);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
}

/** A canvas's context in CSS pixels, its bitmap as dense as the screen; undefined while it has no size. */
export function sharpContext(canvas: HTMLCanvasElement): CanvasRenderingContext2D | undefined {
  const { clientWidth: width, clientHeight: height } = canvas;
  const context = canvas.getContext("2d");
  if (!context || width === 0 || height === 0) return undefined;
  const density = Math.min(3, window.devicePixelRatio || 1);
  const wide = Math.round(width * density);
  const high = Math.round(height * density);
  if (canvas.width !== wide || canvas.height !== high) {
    canvas.width = wide;
    canvas.height = high;
  }
  context.setTransform(wide / width, 0, 0, high / height, 0, 0);
  return context;
}

/** Custom properties of the page's style, such as `--ink`. */
export function styleOf(element: Element): (name: string) => string {
  const style = getComputedStyle(element);
  return (name) => style.getPropertyValue(name).trim();
}
