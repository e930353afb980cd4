// Hooks that views share: what is made once, events of the worker, whether an element is on the screen, and when it must be drawn anew.
import { type ReadonlySignal, signal, untracked } from "@preact/signals";
import type { RefObject } from "preact";
import { useLayoutEffect, useMemo } from "preact/hooks";
import type { App } from "./app.js";
import { followLook, followVisibility } from "./dom.js";
import type { Events } from "./protocol.js";

/** What `make` gives at the first drawing, kept for as long as the component stands. Signals that it reads are not followed. */
export function useOnce<T>(make: () => T): T {
  return useMemo(() => untracked(make), []);
}

/** Follows an event of the worker. The first listener stays: what it reads later are signals. */
export function useEngine<K extends keyof Events>(
  app: App,
  event: K,
  listener: (value: Events[K]) => void,
): void {
  useLayoutEffect(() => {
    const end = app.engine.on(event, listener);
    return () => void end();
  }, []);
}

/** Whether an element is on the screen or near it. */
export function useVisible(ref: RefObject<Element | null>): ReadonlySignal<boolean> {
  const visible = useOnce(() => signal(false));
  useLayoutEffect(
    () =>
      followVisibility(ref.current!, (now) => {
        visible.value = now;
      }),
    [],
  );
  return visible;
}

/** Counts the changes of an element's size and of the colour scheme: who reads it draws anew. */
export function useLook(ref: RefObject<Element | null>): ReadonlySignal<number> {
  const changes = useOnce(() => signal(0));
  useLayoutEffect(
    () =>
      followLook(ref.current!, () => {
        changes.value++;
      }),
    [],
  );
  return changes;
}
