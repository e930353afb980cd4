// When the map asks for itself anew: at first sight, when clips have come or gone, and now and then while the model trains. What
// it costs the worker stays a small share of the training.
import { type App, weightsKey } from "../app.js";

/** Milliseconds between maps of a training model at least, and how many times the last map's time. */
const AT_LEAST = 15_000;
const SHARE = 12;
/** Milliseconds after a change of the clips: they come in portions. */
const SETTLE = 1200;

export interface RefreshOptions {
  wanted(): boolean;
  /** The map lacks clips, or was never made. */
  stale(): boolean;
  /** Milliseconds that it took; undefined where it failed. */
  refresh(): Promise<number | undefined>;
}

/** Call `changed` when what `wanted` depends on changes, and `made` when a map has come. */
export function followTraining(
  app: App,
  { wanted, stale, refresh }: RefreshOptions,
): { changed(): void; made(): void } {
  let timer = 0;
  let due = Number.POSITIVE_INFINITY;
  let busy = false;
  /** Milliseconds that the last map took; after a failure, to wait for. */
  let rest = 0;
  let mapAt = Number.NEGATIVE_INFINITY;
  /** The weights that the map was made by. */
  let keyOfMap = "";

  async function run(): Promise<void> {
    due = Number.POSITIVE_INFINITY;
    // It may have been asked for by hand meanwhile.
    if (!possible() || !(stale() || weightsKey(app) !== keyOfMap)) return;
    busy = true;
    keyOfMap = weightsKey(app);
    const cost = await refresh();
    busy = false;
    mapAt = performance.now();
    rest = cost === undefined ? AT_LEAST : cost;
    plan();
  }

  function possible(): boolean {
    return wanted() && !busy && !document.hidden && !!app.adapter.value && app.clips.value.length > 0;
  }

  function plan(): void {
    if (!possible()) return;
    const now = performance.now();
    const { status } = app.training.value;
    const training = status === "running" || status === "preparing";
    const earliest = mapAt + (training ? SHARE * rest : rest);
    let at = Number.POSITIVE_INFINITY;
    if (stale()) at = Math.max(now + SETTLE, earliest);
    else if (weightsKey(app) !== keyOfMap) {
      if (status === "running") at = Math.max(now, earliest, mapAt + AT_LEAST);
      else if (!training) at = Math.max(now + SETTLE, earliest);
    }
    if (at >= due || at === Number.POSITIVE_INFINITY) return;
    clearTimeout(timer);
    due = at;
    timer = window.setTimeout(run, at - now);
  }

  app.clips.subscribe(plan);
  app.adapter.subscribe(plan);
  app.training.subscribe(plan);
  document.addEventListener("visibilitychange", plan);
  return {
    changed: plan,
    made: () => {
      keyOfMap = weightsKey(app);
      mapAt = performance.now();
    },
  };
}
