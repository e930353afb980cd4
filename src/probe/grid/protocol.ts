// A whole grid on one task: train every head, choose the best on the validation part, score it once on the test part. Songs of
// several clips are answered as one, by the rule that did best on the validation part.
import { linear } from "../../ops/index.js";
import type { Gpu } from "../../tensor/gpu.js";
import type { Predictions, ProbeLabels } from "../labels.js";
import type { ProbeScore } from "../protocol.js";
import { familyOf, metricsOf } from "../scores/index.js";
import { keyScoreFamily } from "../scores/key-score.js";
import { asksSongs, bestSongRule, bySong } from "../song-level.js";
import type { SongRule } from "../songs.js";
import type { ClipSplit } from "../split.js";
import type { FeatureTable } from "../standardise.js";
import { HeadData, type HeadPart } from "./data.js";
import { type GridName, gridOf, type HeadRun, runText, scheduleOf } from "./grids.js";
import type { TrainedHead } from "./init.js";
import { bestRun, type HeadOptions, type HeadResult, trainHeads } from "./trainer.js";

interface GridOptions extends HeadOptions {
  /** Ends every run after so many evaluations. */
  most?: number;
}

interface GridOutcome extends ProbeScore {
  results: HeadResult[];
  best: HeadResult;
  /** How songs were answered. */
  songRule?: SongRule;
}

/** Probes features [clips, d] on one split with a grid. Throws DataError where no head can be chosen, and the signal's reason. */
export async function probeGrid(
  gpu: Gpu,
  task: ProbeLabels,
  features: FeatureTable,
  split: ClipSplit,
  grid: GridName,
  options: GridOptions = {},
): Promise<GridOutcome> {
  const layers = grid === "marble" ? features.layers : undefined;
  const data = new HeadData(gpu, task, features, split, layers !== undefined);
  try {
    const { runs } = gridOf(grid, layers);
    const schedule = scheduleOf(grid, { kind: task.kind, keys: familyOf(task) === keyScoreFamily });
    const most = Math.min(
      schedule.most ?? Number.POSITIVE_INFINITY,
      options.most ?? Number.POSITIVE_INFINITY,
    );
    const results = await trainHeads(data, runs, { ...schedule, most }, options);
    const best = bestRun(results);
    const { head, run } = best;
    if (!head) throw new Error("The best run's weights were not kept.");
    const answer = async (part: HeadPart): Promise<Predictions> => ({
      labels: split[part].map((clip) => task.labels[clip]),
      scores: await headScores(data, head, run, part),
      outputs: data.outputs,
      pieces: task.pieces && split[part].map((clip) => task.pieces?.[clip] ?? ""),
    });
    let predicted = await answer("test");
    let songRule: SongRule | undefined;
    if (asksSongs(task)) {
      songRule = bestSongRule(await answer("valid"));
      predicted = bySong(predicted, songRule);
    }
    const { labels, scores, outputs } = predicted;
    return {
      scores: metricsOf(task).map((metric) => metric.score(labels, scores, outputs)),
      predicted,
      valid: best.score,
      chosen: runText(run, { layers, shares: head.shares }) + (songRule ? `, songs by ${songRule}` : ""),
      results,
      best,
      songRule,
    };
  } finally {
    data.dispose();
  }
}

/** Rows that go through a head together. */
const rowsAtOnce = 4096;

/** What a head answers for a part of the clips: [clips, outputs], numbers of a regression in the labels' own units. */
export async function headScores(
  data: HeadData,
  { layers, shares }: TrainedHead,
  { standardise, layer }: HeadRun,
  part: HeadPart,
): Promise<Float64Array> {
  const { gpu, d, outputs, centre } = data;
  const rows = data.rowsOf(part, standardise, layer, shares);
  const scores = new Float64Array((rows.length / d) * outputs);
  for (let from = 0; from < rows.length / d; from += rowsAtOnce) {
    const piece = rows.slice(from * d, (from + rowsAtOnce) * d);
    const z = gpu.scope(() =>
      gpu.noGrad(() =>
        layers.reduce(
          (x, { weight, bias, inputs }, i) => {
            const y = linear(x, gpu.tensor(weight, [bias.length, inputs]), gpu.tensor(bias));
            return i < layers.length - 1 ? y.relu() : y;
          },
          gpu.tensor(piece, [piece.length / d, d]),
        ),
      ),
    );
    scores.set(await z.data(), from * outputs);
    z.dispose();
  }
  return scores.map((score, i) => centre.mean[i % outputs] + centre.scale[i % outputs] * score);
}

export { bestSongRule, bySong };
