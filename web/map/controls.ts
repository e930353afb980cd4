// Turns pointers, wheel and keys into an orbit and into hovering, choosing and leaving. One finger or the left button turns, two
// fingers or the wheel zoom. It draws nothing and knows no clips.
import { HOME, type Orbit, turn } from "./camera.js";

/** Pixels that a pressed pointer may move and still be a click. */
const CLICK_SLACK = 5;
/** Radians a pixel of dragging, and a press of an arrow key. */
const TURN_PER_PIXEL = 0.008;
const TURN_PER_KEY = 0.12;
/** Milliseconds after scrolling in which the wheel goes on scrolling the page. */
const SCROLL_PAUSE = 350;

export interface ControlTarget {
  orbit: Orbit;
  /** The pointer rests at (x, y), in pixels of the element; `touch` where it is a finger, which has no hovering. */
  hover(x: number, y: number): void;
  leave(): void;
  click(x: number, y: number, touch: boolean): void;
  /** A key other than those that turn and zoom; true where it was used. */
  key(event: KeyboardEvent): boolean;
}

/** Listens on `element`; the returned function ends that. */
export function control(element: HTMLElement, target: ControlTarget): () => void {
  const ended = new AbortController();
  followPointers(element, target, ended.signal);
  followWheel(element, target, ended.signal);
  followKeys(element, target, ended.signal);
  return () => ended.abort();
}

function followPointers(element: HTMLElement, target: ControlTarget, signal: AbortSignal): void {
  const pointers = new Map<string | number, { x: number; y: number }>();
  let travelled = 0;
  let spread = 0;

  const place = (event: PointerEvent) => {
    const box = element.getBoundingClientRect();
    return {
      x: event.clientX - box.left - element.clientLeft,
      y: event.clientY - box.top - element.clientTop,
    };
  };
  const distance = () => {
    const [a, b] = [...pointers.values()];
    return b ? Math.hypot(a.x - b.x, a.y - b.y) : 0;
  };

  element.addEventListener(
    "pointerdown",
    (event) => {
      if (
        event.button !== 0 ||
        (event.target !== element.querySelector("canvas") && event.target !== element)
      )
        return;
      element.setPointerCapture(event.pointerId);
      element.focus({ preventScroll: true });
      pointers.set(event.pointerId, place(event));
      if (pointers.size === 1) travelled = 0;
      spread = distance();
      target.leave();
    },
    { signal },
  );
  element.addEventListener(
    "pointermove",
    (event) => {
      const now = place(event);
      const before = pointers.get(event.pointerId);
      if (!before) {
        if (event.pointerType !== "touch") target.hover(now.x, now.y);
        return;
      }
      pointers.set(event.pointerId, now);
      const [dx, dy] = [now.x - before.x, now.y - before.y];
      travelled += Math.hypot(dx, dy);
      if (pointers.size === 1) {
        if (travelled > CLICK_SLACK) {
          target.orbit = turn(target.orbit, { yaw: -dx * TURN_PER_PIXEL, pitch: dy * TURN_PER_PIXEL });
        }
      } else if (pointers.size === 2) {
        const wide = distance();
        if (spread > 0 && wide > 0) target.orbit = turn(target.orbit, { zoom: spread / wide });
        spread = wide;
      }
    },
    { signal },
  );
  const end = (event: PointerEvent, released: boolean) => {
    if (!pointers.delete(event.pointerId)) return;
    spread = distance();
    if (!released || pointers.size > 0) return;
    const { x, y } = place(event);
    const touch = event.pointerType === "touch";
    if (travelled <= CLICK_SLACK) target.click(x, y, touch);
    else if (!touch) target.hover(x, y);
  };
  element.addEventListener("pointerup", (event) => end(event, true), { signal });
  element.addEventListener("pointercancel", (event) => end(event, false), { signal });
  element.addEventListener(
    "pointerleave",
    // A finger leaves whenever it is lifted: what it has tapped stays named until the next touch.
    (event) => event.pointerType !== "touch" && pointers.size === 0 && target.leave(),
    { signal },
  );
}

function followWheel(element: HTMLElement, target: ControlTarget, signal: AbortSignal): void {
  let scrolledAt = Number.NEGATIVE_INFINITY;
  document.addEventListener(
    "scroll",
    () => {
      scrolledAt = performance.now();
    },
    { signal, passive: true, capture: true },
  );
  element.addEventListener(
    "wheel",
    (event) => {
      // A page that is being scrolled past the map goes on scrolling.
      if (!event.ctrlKey && performance.now() - scrolledAt < SCROLL_PAUSE) return;
      event.preventDefault();
      const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 16 : 1;
      const amount = Math.max(-120, Math.min(120, event.deltaY * lines)) * (event.ctrlKey ? 4 : 1);
      target.orbit = turn(target.orbit, { zoom: Math.exp(amount * 0.0016) });
    },
    { signal, passive: false },
  );
}

function followKeys(element: HTMLElement, target: ControlTarget, signal: AbortSignal): void {
  element.addEventListener(
    "keydown",
    (event) => {
      if (event.target !== element || event.altKey || event.metaKey || event.ctrlKey) return;
      const step = event.shiftKey ? 3 * TURN_PER_KEY : TURN_PER_KEY;
      const moves: Record<string, Parameters<typeof turn>[1]> = {
        ArrowLeft: { yaw: -step },
        ArrowRight: { yaw: step },
        ArrowUp: { pitch: step },
        ArrowDown: { pitch: -step },
        "+": { zoom: 0.85 },
        "=": { zoom: 0.85 },
        "-": { zoom: 1 / 0.85 },
        _: { zoom: 1 / 0.85 },
      };
      if (event.key in moves) target.orbit = turn(target.orbit, moves[event.key]);
      else if (event.key === "Home") target.orbit = { ...HOME };
      else if (!target.key(event)) return;
      event.preventDefault();
    },
    { signal },
  );
}
