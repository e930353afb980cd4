// The run's curves (loss and held-out loss, its parts, learning rate, gradient norm) and its pace.
import type { View } from "../app.js";
import { clock, followVisibility, h } from "../dom.js";
import type { StepEvent } from "../protocol.js";
import { createTrainingLog, type Row } from "../training-log.js";
import { chart } from "./chart.js";

const redrawMs = 250;

export const losses: View = (root, app) => {
  const log = createTrainingLog();
  const figures = ["Loss", "Step", "Steps a second", "Clips a second", "Time left"].map((name) => {
    const value = h("dd", {}, "–");
    return { value, element: h("div", {}, h("dt", {}, name), value) };
  });
  const [loss, step, pace, clips, left] = figures.map(({ value }) => value);
  const number = (value: number) => value.toPrecision(4);
  const whole = chart("Loss", number);
  const parts = chart("Parts of the loss", number);
  const rate = chart("Learning rate", (value) => value.toExponential(1), true);
  const norm = chart("Gradient norm", (value) => value.toPrecision(3), true);
  const passengers = h("p", { class: "note", role: "status", hidden: true });
  const body = h(
    "div",
    { hidden: true },
    passengers,
    h("dl", { class: "figures" }, ...figures.map(({ element }) => element)),
    h("div", { class: "charts" }, whole.element, parts.element, rate.element, norm.element),
  );
  root.append(body);

  let visible = false;
  let timer = 0;
  let recent: { at: number; step: number }[] = [];
  let last: StepEvent | undefined;

  function soon(): void {
    if (timer || !visible) return;
    timer = window.setTimeout(() => {
      timer = 0;
      draw();
    }, redrawMs);
  }

  /** Steps a second over the last ones, by this page's clock: pauses between steps count. */
  function speed(): number | undefined {
    const first = recent[0];
    const end = recent[recent.length - 1];
    if (!first || end.step <= first.step || end.at <= first.at) return undefined;
    return (1000 * (end.step - first.step)) / (end.at - first.at);
  }

  function draw(): void {
    const state = app.training.get();
    const per = speed();
    loss.textContent = last ? last.loss.toPrecision(4) : "–";
    step.textContent = state.steps > 0 ? `${state.step} / ${state.steps}` : String(state.step);
    pace.textContent = per === undefined ? "–" : per.toPrecision(3);
    // Single steps' times are uneven: the worker reads one step's result while the next runs.
    const batch = last ? (last.clipsPerSecond * last.stepMs) / 1000 : 0;
    clips.textContent = per === undefined ? "–" : (per * batch).toPrecision(3);
    const running = state.status === "running";
    left.textContent = running && per ? clock((state.steps - state.step) / per) : "–";
    const of = (pick: (row: Row) => number | undefined) =>
      log.rows.flatMap((row) => {
        const value = pick(row);
        return value === undefined ? [] : [{ step: row.step, value }];
      });
    const total = Math.min(state.steps || 1, Math.max(10, Math.ceil(state.step * 1.25)));
    const heldOut = log.heldOut.map((row) => ({ step: row.step, value: row.loss }));
    whole.set(
      [
        { name: "training", colour: 1, points: of((row) => row.loss) },
        { name: "held out", colour: 2, points: heldOut, dots: true },
      ],
      total,
    );
    parts.set(
      // Of more parts than there are colours left, the first ones.
      (app.model.get()?.parts ?? []).slice(0, 2).map(({ name, title }, i) => ({
        name: title,
        colour: 3 + i,
        points: of((row) => row.parts[name]),
      })),
      total,
    );
    rate.set([{ name: "learning rate", colour: 1, points: of((row) => row.lr) }], total);
    norm.set([{ name: "norm", colour: 3, points: of((row) => row.gradNorm) }], total);
    body.hidden = log.rows.length === 0 && state.status !== "preparing";
    root.dataset.points = String(log.rows.length);
  }

  app.engine.on("step", (event) => {
    log.add(event);
    last = event;
    recent.push({ at: performance.now(), step: event.step });
    if (recent.length > 1 && event.step <= recent[recent.length - 2].step) recent = recent.slice(-1);
    recent = recent.slice(-20);
    soon();
  });
  app.engine.on("heldOut", (event) => {
    log.addHeldOut(event);
    passengers.hidden = event.stuck.length === 0;
    passengers.textContent = passengers.hidden
      ? ""
      : `At chance on held-out clips after ${event.step} steps: ${event.stuck.join(", ")}. That part has taught nothing yet.`;
    soon();
  });
  let before = "";
  app.training.follow(({ status }) => {
    if (status === "running" && before !== "running") recent = []; // a pause is no slow step
    before = status;
    soon();
  });
  app.model.follow((model) => {
    // A model that begins anew, or another one, begins new curves.
    if (!model || (last && model.step >= last.step)) return;
    log.clear();
    last = undefined;
    recent = [];
    soon();
  });
  followVisibility(root, (now) => {
    visible = now;
    if (now) draw();
  });
};
