// The selected clip to hear and see: waveform above log-mel on one axis of time, the playhead following the audio clock, and the
// crop that the model sees. Keys and clicks seek; zooming scrolls. What they do is player-deck.ts, the pictures are player-stage.ts.
import type { VNode } from "preact";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import type { App } from "../app.js";
import { clock } from "../dom.js";
import { useLook, useOnce, useVisible } from "../hooks.js";
import { Icon } from "../ui.js";
import { type Canvases, createDeck, type Deck } from "./player-deck.js";
import { LEFT } from "./player-stage.js";

export function Player({ app }: { app: App }): VNode {
  const view = useRef<HTMLDivElement>(null);
  const canvases = useRef<Canvases | undefined>(undefined);
  const visible = useVisible(view);
  const look = useLook(view);
  const deck = useOnce(() => createDeck(app, canvases, visible));
  const clip = deck.clip.value;
  useLayoutEffect(() => look.subscribe(deck.redraw), []);
  useEffect(() => playBySpace(deck), []);
  return (
    <div ref={view} class="view">
      <p class="empty" hidden={clip !== undefined}>
        Add music, or load the demo, to hear and see it here.
      </p>
      <div class="deck" hidden={!clip}>
        <p class="now">{clip?.name}</p>
        <div class="row">
          <PlayButton deck={deck} />
          <button type="button" aria-label="To the start" onClick={() => deck.seek(0)}>
            <Icon name="first" />
          </button>
          <Clock deck={deck} />
          <label class="inline">
            Zoom
            <input
              type="range"
              min={0}
              max={100}
              value={deck.zoom.value}
              aria-label="Zoom"
              onInput={(event) => deck.zoomTo(Number(event.currentTarget.value))}
            />
          </label>
        </div>
        <Stage deck={deck} canvases={canvases} />
        <p class="hint" id="player-keys">
          Click or drag to seek; the frame is the crop that the model sees, and it goes where you click. Keys:{" "}
          <kbd>Space</kbd> plays, <kbd>←</kbd> <kbd>→</kbd> seek, <kbd>Home</kbd> <kbd>End</kbd> go to the
          ends, <kbd>+</kbd> <kbd>−</kbd> zoom.
        </p>
      </div>
    </div>
  );
}

function PlayButton({ deck }: { deck: Deck }): VNode {
  const sounds = deck.sounds();
  return (
    <button type="button" class="primary" onClick={deck.toggle}>
      <Icon name={sounds ? "pause" : "play"} />
      {sounds ? "Pause" : "Play"}
    </button>
  );
}

function Clock({ deck }: { deck: Deck }): VNode {
  return (
    <span class="clock">{`${clock(deck.shown.value, true)} / ${clock(deck.clip.value?.seconds ?? 0)}`}</span>
  );
}

/** The pictures, as a slider of time. */
function Stage(props: { deck: Deck; canvases: { current: Canvases | undefined } }): VNode {
  const { deck, canvases } = props;
  const still = useRef<HTMLCanvasElement>(null);
  const moving = useRef<HTMLCanvasElement>(null);
  useLayoutEffect(() => {
    canvases.current = { still: still.current!, moving: moving.current! };
    return followPointer(moving.current!, deck);
  }, []);
  const seconds = deck.clip.value?.seconds ?? 0;
  const now = deck.shown.value;
  return (
    <div class="stage player-stage" data-ready={deck.ready.value} data-position={now.toFixed(3)}>
      {/* biome-ignore lint/a11y/noAriaHiddenOnFocusable: a canvas without tabindex takes no focus */}
      <canvas ref={still} aria-hidden="true" />
      <canvas
        ref={moving}
        tabIndex={0}
        role="slider"
        aria-label="Position in the clip"
        aria-valuemin={0}
        aria-valuemax={Number(seconds.toFixed(1))}
        aria-valuenow={now.toFixed(1) as unknown as number}
        aria-valuetext={`${now.toFixed(1)} of ${seconds.toFixed(1)} seconds`}
        aria-describedby="player-keys"
        onKeyDown={(event) => {
          if (seekByKey(deck, event)) event.preventDefault();
        }}
      />
    </div>
  );
}

/** Seeks and zooms by keys; true where the key was one of those. */
function seekByKey(deck: Deck, event: KeyboardEvent): boolean {
  if (event.altKey || event.ctrlKey || event.metaKey) return false;
  const far = event.shiftKey ? 5 : 1;
  const [now, zoom, end] = [deck.position(), deck.zoom.peek(), deck.clip.peek()?.seconds ?? 0];
  const moves: Record<string, () => void> = {
    ArrowLeft: () => deck.seek(now - far, true),
    ArrowRight: () => deck.seek(now + far, true),
    PageDown: () => deck.seek(now - 10, true),
    PageUp: () => deck.seek(now + 10, true),
    Home: () => deck.seek(0, true),
    End: () => deck.seek(end, true),
    "+": () => deck.zoomTo(zoom + 10),
    "=": () => deck.zoomTo(zoom + 10),
    "-": () => deck.zoomTo(zoom - 10),
  };
  if (!Object.hasOwn(moves, event.key)) return false;
  moves[event.key]();
  return true;
}

/** Seeks by dragging, zooms and scrolls by the wheel; the returned function ends that. */
function followPointer(canvas: HTMLCanvasElement, deck: Deck): () => void {
  const ended = new AbortController();
  const { signal } = ended;
  let held = false;
  const timeAt = (event: PointerEvent) => {
    const box = canvas.getBoundingClientRect();
    return deck.timeAt((event.clientX - box.left - LEFT) / Math.max(1, box.width - LEFT));
  };
  const release = () => {
    held = false;
    deck.endDrag();
  };
  canvas.addEventListener(
    "pointerdown",
    (event) => {
      if (event.button !== 0) return;
      held = true;
      canvas.setPointerCapture(event.pointerId);
      deck.drag(timeAt(event));
    },
    { signal },
  );
  canvas.addEventListener("pointermove", (event) => held && deck.drag(timeAt(event)), { signal });
  canvas.addEventListener(
    "pointerup",
    (event) => {
      if (!held) return;
      release();
      deck.seek(timeAt(event), true);
    },
    { signal },
  );
  canvas.addEventListener("pointercancel", release, { signal });
  canvas.addEventListener(
    "wheel",
    (event) => {
      if (event.ctrlKey) deck.zoomTo(deck.zoom.peek() - event.deltaY / 4);
      else if (Math.abs(event.deltaX) <= Math.abs(event.deltaY)) return;
      else if (!deck.scroll(event.deltaX / Math.max(1, canvas.clientWidth - LEFT))) return;
      event.preventDefault();
    },
    { signal, passive: false },
  );
  return () => ended.abort();
}

/** Space plays from anywhere that has no use of its own for it; the returned function ends that. */
function playBySpace(deck: Deck): () => void {
  const listener = (event: KeyboardEvent) => {
    if (event.key !== " " || event.repeat || event.defaultPrevented || !deck.clip.peek()) return;
    const uses = "button, input, select, textarea, a, summary, [role], [tabindex]";
    const target = event.target as Element;
    if (!target.closest(".player-stage") && target.closest(uses)) return;
    event.preventDefault();
    deck.toggle();
  };
  addEventListener("keydown", listener);
  return () => removeEventListener("keydown", listener);
}
