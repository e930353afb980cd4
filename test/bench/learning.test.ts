// The study's table, made from results that are made up here: who is ahead, and by what right.
import { describe, expect, it } from "vitest";
import { arms, settingsOf } from "../../bench/learning/arms.js";
import { drawStudy, standings, tableOf } from "../../bench/learning/draw.js";
import type { StudyResults } from "../../bench/learning/results.js";
import type { Evaluation } from "../../src/probe/evaluation.js";

function evaluation(
  score: number,
  others: Record<string, [score: number, halfWidth: number, p: number]>,
): Evaluation {
  const row = (name: string, value: number) => ({
    name,
    score: value,
    scores: [value],
    ci95: [value - 0.1, value + 0.1] as [number, number],
  });
  return {
    ...{ metric: "R²", chance: 0, clips: 100, families: 20, folds: 5, times: 2000 },
    rows: [row("arm", score), ...Object.entries(others).map(([name, [value]]) => row(name, value))],
    contrasts: Object.entries(others).map(([against, [value, halfWidth, p]]) => ({
      ...{ against, difference: score - value, halfWidth, detectable: 1.43 * halfWidth, p },
      ci95: [score - value - halfWidth, score - value + halfWidth],
    })),
  };
}

const results: StudyResults = {
  ...{ format: 2, date: "2026-01-01", melgrad: "0", adapter: "none", budget: { used: 1 } },
  plan: {
    steps: [0, 10],
    seeds: 1,
    randomSeeds: 5,
    size: "study",
    taskSeed: 0,
    tasks: ["a", "b"],
    pool: "time",
  },
  tasks: {
    a: {
      ...{ metric: "R²", chance: 0, clips: 100, families: 20 },
      baselines: [{ name: "chroma", score: 0.3, scores: [0.3], ci95: [0.2, 0.4] }],
      ceiling: evaluation(0.9, { chroma: [0.31, 0.05, 0.001] }),
    },
    b: {
      ...{ metric: "R²", chance: 0, clips: 90, families: 30 },
      baselines: [{ name: "chroma", score: 0.5, scores: [0.5], ci95: [0.4, 0.6] }],
    },
  },
  arms: {
    first: {
      asks: "what",
      settings: { music: "mixed", ...settingsOf(arms[0], 10) },
      standings: {
        a: evaluation(0.6, { random: [0.4, 0.1, 0.002], chroma: [0.3, 0.1, 0.001] }),
        b: evaluation(0.55, { random: [0.5, 0.04, 0.03], chroma: [0.5, 0.06, 0.04] }),
      },
    },
  },
  rows: [
    { arm: "first", seed: 0, step: 0, scores: {}, seconds: 0 },
    { arm: "first", seed: 0, step: 10, scores: { a: 0.6, b: 0.55 }, seconds: 5 },
  ],
};

describe("the study's table", () => {
  it("marks what is ahead of everything, and what is so beyond the spread", () => {
    const [a, b] = standings(results);
    expect([a.ahead, a.clearly]).toEqual([true, true]);
    expect([b.ahead, b.clearly]).toEqual([true, false]); // chroma's interval holds zero
    const table = tableOf(results);
    expect(table).toContain("**0.600 (0.400)** ✓ | **0.550 (0.500)** | 2 of 2");
    expect(table).toContain("| *clips (families)* |  |  | 100 (20) | 90 (30) |  |");
    expect(table).toContain("0.900 (chroma 0.310)");
    expect(table).toContain("| 0.143 | 0.057 |  |");
    expect(drawStudy(results)).toContain("<svg");
  });

  it("asks more of a p-value where there are more tasks", () => {
    const made = structuredClone(results);
    const { standings: own } = made.arms.first;
    if (!own) throw new Error("no standings");
    own.b = evaluation(0.6, { random: [0.5, 0.04, 0.03], chroma: [0.5, 0.06, 0.04] });
    own.a = evaluation(0.6, { random: [0.5, 0.04, 0.03], chroma: [0.5, 0.06, 0.04] });
    expect(standings(made).map(({ clearly }) => clearly)).toEqual([false, false]);
    own.a = evaluation(0.6, { random: [0.5, 0.04, 0.02], chroma: [0.5, 0.06, 0.04] });
    expect(standings(made).map(({ clearly }) => clearly)).toEqual([true, true]);
  });
});
