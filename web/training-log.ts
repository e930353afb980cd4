// The curves of a run as the page keeps them: bounded in length however long it trains, by merging neighbours. No drawing.
import type { StepEvent } from "./protocol.js";

export type Row = Pick<StepEvent, "step" | "loss" | "parts" | "lr" | "gradNorm">;

const most = 4096;

export interface TrainingLog {
  readonly rows: readonly Row[];
  readonly heldOut: readonly { step: number; loss: number }[];
  /** Adds a step; a step that was there already (after going back to a checkpoint) drops what followed it. */
  add(row: Row): void;
  addHeldOut(row: { step: number; loss: number }): void;
  clear(): void;
}

export function createTrainingLog(): TrainingLog {
  let rows: Row[] = [];
  let heldOut: { step: number; loss: number }[] = [];
  /** Steps that one row stands for. */
  let merged = 1;
  let group: Row[] = [];

  return {
    get rows() {
      return rows;
    },
    get heldOut() {
      return heldOut;
    },
    add({ step, loss, parts, lr, gradNorm }) {
      const row = { step, loss, parts, lr, gradNorm };
      if (rows.length > 0 && step <= rows[rows.length - 1].step) {
        rows = rows.filter((each) => each.step < step);
        heldOut = heldOut.filter((each) => each.step < step);
        group = [];
      }
      group.push(row);
      if (group.length < merged) return;
      rows.push(mean(group));
      group = [];
      if (rows.length < most) return;
      rows = Array.from({ length: rows.length / 2 }, (_, i) => mean([rows[2 * i], rows[2 * i + 1]]));
      merged *= 2;
    },
    addHeldOut({ step, loss }) {
      heldOut = [...heldOut.filter((each) => each.step < step), { step, loss }].slice(-most);
    },
    clear() {
      rows = [];
      heldOut = [];
      group = [];
      merged = 1;
    },
  };
}

/** The mean of some rows, at the last one's step. */
function mean(group: readonly Row[]): Row {
  const last = group[group.length - 1];
  if (group.length === 1) return last;
  const of = (pick: (row: Row) => number | undefined) => {
    const values = group.map(pick).filter((value) => value !== undefined);
    return values.length === 0 ? undefined : values.reduce((a, b) => a + b, 0) / values.length;
  };
  return {
    step: last.step,
    loss: of((row) => row.loss) ?? 0,
    parts: Object.fromEntries(
      Object.keys(last.parts).map((name) => [name, of((row) => row.parts[name]) ?? 0]),
    ),
    lr: last.lr,
    gradNorm: of((row) => row.gradNorm) ?? 0,
  };
}
