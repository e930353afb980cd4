// The run's curves (loss and held-out loss, its parts, learning rate, gradient norm) and its pace.
import { type ReadonlySignal, signal } from "@preact/signals";
import type { VNode } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import type { App } from "../app.js";
import { clock } from "../dom.js";
import { useOnce, useVisible } from "../hooks.js";
import type { HeldOutEvent, StepEvent } from "../protocol.js";
import { createTrainingLog, type Row, type TrainingLog } from "../training-log.js";
import { Chart } from "./chart.js";
import { clipsOf, createPace, type Pace } from "./losses-pace.js";

/** Between two drawings of the curves: so many times what the last one took, and milliseconds at least and at most. */
const restTimes = 10;
const [soonest, latest] = [250, 2000];

export function Losses({ app }: { app: App }): VNode {
  const view = useRef<HTMLDivElement>(null);
  const visible = useVisible(view);
  const run = useOnce(() => followRun(app, visible));
  const drawn = run.changes.value;
  const { log, heldOut } = run;
  const state = app.training.peek();
  useLayoutEffect(run.drawn); // after those of the charts within
  return (
    <div ref={view} class="view" data-points={log.rows.length}>
      <div hidden={log.rows.length === 0 && state.status !== "preparing"}>
        <p class="note" role="status" hidden={!heldOut()?.stuck.length}>
          {passengers(heldOut())}
        </p>
        <Figures app={app} run={run} drawn={drawn} />
        <Curves app={app} log={log} drawn={drawn} />
      </div>
    </div>
  );
}

/** What is known of the run under way. */
interface Run {
  log: TrainingLog;
  pace: Pace;
  last(): StepEvent | undefined;
  heldOut(): HeldOutEvent | undefined;
  /** Counts up when the curves are to be drawn anew: a few times a second, and only while they are seen. */
  changes: ReadonlySignal<number>;
  /** Tells that they have been drawn. */
  drawn(): void;
}

function followRun(app: App, visible: ReadonlySignal<boolean>): Run {
  const log = createTrainingLog();
  const pace = createPace();
  const changes = signal(0);
  let last: StepEvent | undefined;
  let heldOut: HeldOutEvent | undefined;
  let timer = 0;
  let [began, took] = [0, 0];
  const draw = () => {
    clearTimeout(timer);
    timer = 0;
    began = performance.now();
    changes.value++;
  };
  const soon = () => {
    if (timer || !visible.peek()) return;
    timer = window.setTimeout(draw, Math.min(latest, Math.max(soonest, restTimes * took)));
  };
  app.engine.on("step", (event) => {
    log.add(event);
    pace.add(event.step);
    last = event;
    soon();
  });
  app.engine.on("heldOut", (event) => {
    log.addHeldOut(event);
    heldOut = event;
    soon();
  });
  let before = "";
  app.training.subscribe(({ status }) => {
    if (status === "running" && before !== "running") pace.clear(); // a pause is no slow step
    before = status;
    soon();
  });
  app.model.subscribe((model) => {
    // A model that begins anew, or another one, begins new curves.
    if (!model || (last && model.step >= last.step)) return;
    log.clear();
    pace.clear();
    last = undefined;
    soon();
  });
  visible.subscribe((now) => {
    if (now) draw();
  });
  const drawn = () => {
    took = began && performance.now() - began; // the first one, before anything was asked for, counts nothing
  };
  return { log, pace, changes, drawn, last: () => last, heldOut: () => heldOut };
}

function passengers(event: HeldOutEvent | undefined): string {
  if (!event?.stuck.length) return "";
  return `At chance on held-out clips after ${event.step} steps: ${event.stuck.join(", ")}. That part has taught nothing yet.`;
}

/** Drawn anew when `drawn` has changed, as are the curves. */
function Figures({ app, run }: { app: App; run: Run; drawn: number }): VNode {
  const { status, step, steps } = app.training.peek();
  const last = run.last();
  const speed = run.pace.speed();
  const figures = [
    ["Loss", last?.loss.toPrecision(4)],
    ["Step", steps > 0 ? `${step} / ${steps}` : String(step)],
    ["Steps a second", speed?.toPrecision(3)],
    ["Clips a second", speed === undefined ? undefined : (speed * (last ? clipsOf(last) : 0)).toPrecision(3)],
    ["Time left", status === "running" && speed ? clock((steps - step) / speed) : undefined],
  ];
  return (
    <dl class="figures">
      {figures.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value ?? "–"}</dd>
        </div>
      ))}
    </dl>
  );
}

function Curves({ app, log }: { app: App; log: TrainingLog; drawn: number }): VNode {
  const { step, steps } = app.training.peek();
  const total = Math.min(steps || 1, Math.max(10, Math.ceil(step * 1.25)));
  const of = (pick: (row: Row) => number | undefined) =>
    log.rows.flatMap((row) => {
      const value = pick(row);
      return value === undefined ? [] : [{ step: row.step, value }];
    });
  const number = (value: number) => value.toPrecision(4);
  const loss = [
    { name: "training", colour: 1, points: of((row) => row.loss) },
    {
      name: "held out",
      colour: 2,
      points: log.heldOut.map((row) => ({ step: row.step, value: row.loss })),
      dots: true,
    },
  ];
  // Of more parts than there are colours left, the first ones.
  const parts = (app.model.peek()?.parts ?? [])
    .slice(0, 2)
    .map(({ name, title }, i) => ({ name: title, colour: 3 + i, points: of((row) => row.parts[name]) }));
  const rate = [{ name: "learning rate", colour: 1, points: of((row) => row.lr) }];
  const norm = [{ name: "norm", colour: 3, points: of((row) => row.gradNorm) }];
  return (
    <div class="charts">
      <Chart title="Loss" series={loss} steps={total} format={number} />
      <Chart title="Parts of the loss" series={parts} steps={total} format={number} />
      <Chart
        title="Learning rate"
        series={rate}
        steps={total}
        format={(value) => value.toExponential(1)}
        fromZero
      />
      <Chart
        title="Gradient norm"
        series={norm}
        steps={total}
        format={(value) => value.toPrecision(3)}
        fromZero
      />
    </div>
  );
}
