// What others report on the four public tasks, in percent, to be printed beside our own: the constrained track of MARBLE (Yuan et al.,
// 2023, table 3) and rows under JukeMIR's protocol (as the README of TUNe lists them, 2022); and the lines that guessing reaches,
// so that nobody reads noise as knowledge. Rows that were not published are not here.
import { areKeys } from "./labels.js";

interface PublishedRow {
  model: string;
  protocol: "JukeMIR" | "MARBLE";
  /** Percent, in the order of the task's `metrics`. */
  values: number[];
}

interface PublishedTask {
  /** The task as its field calls it. */
  name: string;
  /** The names that protocol.ts gives the metrics of the columns. */
  metrics: string[];
  rows: PublishedRow[];
  /** What guessing scores, in percent of the first metric. */
  guesses: { how: string; value: number }[];
}

/** Percent: tagging ROC-AUC and AP, genre accuracy, key score, R² of arousal and valence. */
type Values = [roc: number, precision: number, genre: number, key: number, arousal: number, valence: number];

const jukemir: [string, Values][] = [
  ["TUNe (MTAT only)", [90.3, 38.1, 67.6, 13.7, 60.5, 55.7]],
  ["TUNe+", [90.3, 38.0, 64.5, 15.5, 64.7, 45.9]],
  ["CLMR", [89.4, 36.1, 68.6, 14.9, 67.8, 45.8]],
  ["Jukebox", [91.5, 41.4, 79.7, 66.7, 72.1, 61.7]],
];

const marble: [string, Values][] = [
  ["MusiCNN", [90.3, 37.8, 73.5, 14.4, 68.8, 44.4]],
  ["CLMR", [89.5, 36.0, 65.2, 14.8, 70.3, 44.4]],
  ["Jukebox-5B", [91.4, 40.6, 77.9, 63.8, 73.0, 57.0]],
  ["MULE", [91.2, 40.1, 75.5, 64.9, 73.1, 60.7]],
  ["MAP-Music2Vec", [90.0, 36.2, 74.1, 50.6, 71.0, 52.1]],
  ["MERT-v0-95M", [90.7, 38.2, 74.8, 64.1, 69.9, 52.9]],
  ["MERT-v0-95M-public", [90.7, 38.4, 72.8, 67.3, 72.8, 59.1]],
  ["MERT-v1-95M", [91.0, 39.3, 74.8, 63.5, 76.3, 55.5]],
  ["MERT-v1-330M", [91.1, 39.5, 77.6, 61.7, 75.8, 59.0]],
];

function task(
  name: string,
  columns: Record<string, number>,
  guesses: PublishedTask["guesses"],
): PublishedTask {
  const picked = (values: Values) => Object.values(columns).map((at) => values[at]);
  return {
    name,
    metrics: Object.keys(columns),
    rows: [
      ...jukemir.map(
        ([model, values]): PublishedRow => ({ model, protocol: "JukeMIR", values: picked(values) }),
      ),
      ...marble.map(
        ([model, values]): PublishedRow => ({ model, protocol: "MARBLE", values: picked(values) }),
      ),
    ],
    guesses,
  };
}

const tagging = task("MagnaTagATune, all clips", { "macro ROC-AUC": 0, "mean average precision": 1 }, [
  { how: "any constant", value: 50 },
]);
const genre = task("GTZAN, fault-filtered", { accuracy: 2 }, [
  { how: "one of ten at random", value: 10 },
  { how: 'always "rock"', value: 11 },
]);
const key = task("GiantSteps key", { "weighted key score": 3 }, [
  { how: "a key at random", value: 8.3 },
  { how: 'always "C minor"', value: 15.8 },
  { how: 'always "G minor"', value: 15.2 },
  { how: 'always "F minor"', value: 15.0 },
]);
const emotion = task("Emomusic", { "R² of arousal": 4, "R² of valence": 5 }, [
  { how: "always the mean", value: 0 },
]);

/** The published rows of a task, by its name, or by its classes where it comes from JukeMIR's metadata; undefined for others. */
export function publishedFor(name: string, classes: readonly string[]): PublishedTask | undefined {
  const named: Record<string, PublishedTask> = {
    mtat: tagging,
    gtzan: genre,
    giantsteps: key,
    emomusic: emotion,
  };
  if (Object.hasOwn(named, name)) return named[name];
  if (name !== "jukemir") return undefined;
  if (areKeys(classes)) return key;
  if (classes.length === 50) return tagging;
  if (classes.includes("blues") && classes.length === 10) return genre;
  return classes.length === 2 ? emotion : undefined;
}
