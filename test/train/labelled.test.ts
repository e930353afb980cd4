// The ceiling: an encoder trained on labels answers what can be heard in clips that it has not seen, and guesses where nothing can be.
import { describe, expect, it } from "vitest";
import { taskFolds } from "../../src/probe/evaluation.js";
import { melsInMemory } from "../../src/probe/features.js";
import type { ProbeLabels } from "../../src/probe/labels.js";
import { metricsOf } from "../../src/probe/scores/index.js";
import { Random } from "../../src/tensor/random.js";
import { labelledAnswers } from "../../src/train/labelled.js";
import { frameModel as tiny } from "../support/frame-model.js";
import { freshSeed, useGpu } from "../support/gpu.js";

const gpu = useGpu();
const random = new Random(freshSeed("labelled"));

/** Forty clips in twenty families; the class is the third of the bands in which there is more. */
function clips(told: boolean) {
  const labels = Array.from({ length: 40 }, (_, i) => [Math.floor(i / 2) % 3]);
  const mels = labels.map(([label]) => {
    const frames = 24;
    const band = told ? label : random.integer(3);
    const values = new Float32Array(frames * 16);
    for (let t = 0; t < frames; t++)
      for (let m = 0; m < 16; m++)
        values[t * 16 + m] = 0.5 * random.normal() + (Math.floor(m / 6) === band ? 1.5 : 0);
    return { frames, values };
  });
  const groups = labels.map((_, i) => [`family:${Math.floor(i / 2)}`]);
  const classes = ["low", "middle", "high"];
  return { mels: melsInMemory(mels, 16), labels, groups, classes };
}

describe("labelledAnswers", () => {
  it.each(["classification", "regression", "multilabel"] as const)(
    "learns what can be heard: %s",
    async (kind) => {
      const { mels, labels, groups, classes } = clips(true);
      const task: ProbeLabels = {
        kind,
        classes: kind === "regression" ? ["x"] : classes,
        labels:
          kind === "multilabel"
            ? labels.map(([label]) => classes.map((_, k) => Number(k === label)))
            : labels,
      };
      const folds = taskFolds(task, groups);
      const { predicted, tested } = await labelledAnswers(gpu(), mels, task, folds, {
        model: tiny,
        normalisation: { mean: 0.5, std: 0.5 },
        steps: 60,
        batch: 16,
        lr: 3e-3,
        folds: 2,
      });
      expect(tested).toEqual([...labels.keys()].filter((clip) => folds.of[clip] < 2));
      const { outputs } = predicted;
      const scores = Float64Array.from(
        tested.flatMap((clip) => [...predicted.scores.subarray(clip * outputs, (clip + 1) * outputs)]),
      );
      const [metric] = metricsOf(task);
      const score = metric.score(
        tested.map((clip) => task.labels[clip]),
        scores,
        outputs,
      );
      expect(score).toBeGreaterThan(kind === "regression" ? 0.6 : 0.9);
    },
  );

  it("cannot know what is not heard", async () => {
    const { mels, labels, groups, classes } = clips(false);
    const task: ProbeLabels = { kind: "classification", classes, labels };
    const { predicted } = await labelledAnswers(gpu(), mels, task, taskFolds(task, groups), {
      model: tiny,
      normalisation: { mean: 0.5, std: 0.5 },
      steps: 40,
      batch: 16,
      lr: 3e-3,
    });
    const [metric] = metricsOf(task);
    expect(metric.score(labels, predicted.scores, 3)).toBeLessThan(0.75);
  });
});
