// Small helpers around the browser: errors, times and sizes in words, what is on the screen, sharp canvases. No elements of its own.
import type { App } from "./app.js";

/** An element that stands in the page already; a missing one is a mistake of ours. */
export function byId(id: string): HTMLElement {
  const element = document.getElementById(id);
  if (!element) throw new Error(`The page has no element #${id}.`);
  return element;
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

/** Calls `listener` when `element` comes near the screen and when it leaves it; the returned function ends that. */
export function followVisibility(
  element: Element,
  listener: (visible: boolean) => void,
  margin = "200px",
): () => void {
  const observer = new IntersectionObserver(
    (entries) => {
      listener(entries[entries.length - 1].isIntersecting);
    },
    { rootMargin: margin },
  );
  observer.observe(element);
  return () => observer.disconnect();
}

/** Calls `redraw` when the size of `element` or the colour scheme changes; the returned function ends that. */
export function followLook(element: Element, redraw: () => void): () => void {
  const observer = new ResizeObserver(redraw);
  observer.observe(element);
  const dark = matchMedia("(prefers-color-scheme: dark)");
  dark.addEventListener("change", redraw);
  return () => {
    observer.disconnect();
    dark.removeEventListener("change", redraw);
  };
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
