// The grids of heads that are trained on frozen features, and the rules by which a head's training ends: JukeMIR's 216 runs
// (Castellon, Donahue and Liang, 2021), a quarter-hour's part of them, and the constrained track of MARBLE (Yuan et al., 2023).
// Settings only; the training is in trainer.ts.

/** The settings of one head. */
export interface HeadRun {
  /** Features less their mean, over their standard deviation, both measured on the training part. */
  standardise: boolean;
  /** Units of the hidden layer (ReLU), or 0 for a linear head. */
  hidden: number;
  batch: number;
  lr: number;
  /** Chance of dropping an element, of the input where `dropInput`, and of the hidden layer. */
  dropout: number;
  dropInput: boolean;
  /** Added to the gradient, weight by weight, biases too. */
  l2: number;
  /** Of features by layer: the layer, from 0, or their weighted sum. Absent: all features as one vector. */
  layer?: number | "sum";
}

/** When heads are evaluated and when their training ends. */
export interface HeadSchedule {
  /** Steps between two evaluations; an epoch's worth draws each example once, in a new order. */
  evaluateEvery: number | "epoch";
  /** Whether the untrained head is evaluated too. */
  evaluateFirst: boolean;
  /** Evaluations without a better score after which a run ends. */
  patience: number;
  /** Evaluations after which a run ends at the latest. */
  most?: number;
  /** The learning rate is multiplied by `factor` after more than `patience` evaluations without a clearly better score. */
  plateau?: { factor: number; patience: number };
}

interface HeadGrid {
  name: "jukemir" | "fast" | "marble";
  runs: readonly HeadRun[];
  /** One sentence on what is trained. */
  note: string;
}

/** The grids that there are. */
export const gridNames = ["jukemir", "fast", "marble"] as const;
/** A grid by name. */
export type GridName = (typeof gridNames)[number];

type Values = { [K in keyof Omit<HeadRun, "layer">]: readonly HeadRun[K][] };

/** All combinations, the last setting varying fastest. */
function combinations({ standardise, hidden, batch, lr, dropout, dropInput, l2 }: Values): HeadRun[] {
  const runs: HeadRun[] = [];
  for (const s of standardise)
    for (const h of hidden)
      for (const b of batch)
        for (const rate of lr)
          for (const p of dropout)
            for (const input of dropInput)
              for (const decay of l2)
                runs.push({
                  standardise: s,
                  hidden: h,
                  batch: b,
                  lr: rate,
                  dropout: p,
                  dropInput: input,
                  l2: decay,
                });
  return runs;
}

/** The grid of a name. `layers`: of features by layer, how many; MARBLE's has its heads on each, and on their weighted sum. */
export function gridOf(name: GridName, layers?: number): HeadGrid {
  switch (name) {
    case "jukemir":
      return {
        name,
        note: "JukeMIR's grid: 216 heads, linear and with 512 hidden units, the best on the validation part tested.",
        runs: combinations({
          standardise: [false, true],
          hidden: [0, 512],
          batch: [64, 256],
          lr: [1e-5, 1e-4, 1e-3],
          dropout: [0.25, 0.5, 0.75],
          dropInput: [true],
          l2: [0, 1e-4, 1e-3],
        }),
      };
    case "fast":
      return {
        name,
        note:
          "24 of the 216 heads of JukeMIR's grid (batches of 64, learning rates 1e-4 and 1e-3, no weight penalty), " +
          "the best on the validation part tested.",
        runs: combinations({
          standardise: [false, true],
          hidden: [0, 512],
          batch: [64],
          lr: [1e-4, 1e-3],
          dropout: [0.25, 0.5, 0.75],
          dropInput: [true],
          l2: [0],
        }),
      };
    case "marble": {
      const runs = combinations({
        standardise: [false],
        hidden: [512],
        batch: [64],
        lr: [5e-5, 1e-4, 5e-4, 1e-3, 5e-3, 1e-2],
        dropout: [0.2],
        dropInput: [false],
        l2: [0],
      });
      const places = layers === undefined ? [undefined] : [...Array(layers).keys(), "sum" as const];
      return {
        name,
        note:
          "MARBLE's constrained track: 512 hidden units, six learning rates, of an encoder each layer and their weighted sum, " +
          "the best on the validation part tested.",
        runs: places.flatMap((layer) => runs.map((run) => (layer === undefined ? run : { ...run, layer }))),
      };
    }
  }
}

/** What a schedule depends on: MARBLE waits longer for some kinds of task than for others. */
export interface ScheduledTask {
  kind: "multilabel" | "classification" | "regression";
  /** Whether the classes are the 24 keys. */
  keys: boolean;
}

/**
 * The rules that go with a grid. JukeMIR: an evaluation every 8 steps, the first before any, the end after 256 without a better
 * score, however long that takes. MARBLE: an evaluation an epoch, 100 epochs at most, halving the learning rate on plateaus;
 * it waits 3 and 10 epochs for tags, 6 and 20 for genres, 5 and 20 for keys and emotions.
 */
export function scheduleOf(name: GridName, { kind, keys }: ScheduledTask): HeadSchedule {
  if (name !== "marble") return { evaluateEvery: 8, evaluateFirst: true, patience: 256 };
  const [halve, stop] =
    kind === "multilabel" ? [3, 10] : kind === "classification" && !keys ? [6, 20] : [5, 20];
  return {
    evaluateEvery: "epoch",
    evaluateFirst: false,
    patience: stop,
    most: 100,
    plateau: { factor: 0.5, patience: halve },
  };
}

/**
 * One line, such as "standardised, 512 hidden, batch 64, lr 0.001, dropout 0.5, L2 0". Of features by layer it begins with "layer 3 of
 * 4", or with the shares of a weighted sum.
 */
export function runText(
  { standardise, hidden, batch, lr, dropout, l2, layer }: HeadRun,
  { layers, shares }: { layers?: number; shares?: ArrayLike<number> } = {},
): string {
  const head = hidden > 0 ? `${hidden} hidden` : "linear";
  const features = standardise ? "standardised" : "features as they are";
  const percent = shares ? ` ${Array.from(shares, (share) => Math.round(100 * share)).join("/")} %` : "";
  const place =
    layer === undefined
      ? ""
      : layer === "sum"
        ? `layers weighted${percent}, `
        : `layer ${layer + 1} of ${layers}, `;
  return `${place}${features}, ${head}, batch ${batch}, lr ${lr}, dropout ${dropout}, L2 ${l2}`;
}
