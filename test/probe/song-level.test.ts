// Keys are asked of songs in every row of a table: linear heads, grids and guessing are scored on as many songs, and guessing is worth the
// same as the published chance lines.
import { describe, expect, it } from "vitest";
import { probeGrid } from "../../src/probe/grid/protocol.js";
import { meanKeyScore } from "../../src/probe/key-score.js";
import type { ProbeLabels } from "../../src/probe/labels.js";
import { majority, probe } from "../../src/probe/protocol.js";
import { asksSongs, bestSongRule, bySong } from "../../src/probe/song-level.js";
import { Random } from "../../src/tensor/random.js";
import { freshSeed, useGpu } from "../support/gpu.js";

const gpu = useGpu();
const random = new Random(freshSeed("song level"));
const tonics = ["C", "Db", "D", "Eb", "E", "F", "Gb", "G", "Ab", "A", "Bb", "B"];
const classes = [...tonics.map((tonic) => `${tonic} major`), ...tonics.map((tonic) => `${tonic} minor`)];

/** Songs of one to seven clips, most of the songs with many clips in one key and most songs in another. */
function problem() {
  const labels: number[][] = [];
  const pieces: string[] = [];
  const values: number[] = [];
  const d = 6;
  for (let song = 0; song < 60; song++) {
    const key = song % 3 === 0 ? 12 : 3;
    const clips = key === 12 ? 7 : 1 + (song % 2);
    for (let clip = 0; clip < clips; clip++) {
      labels.push([key]);
      pieces.push(`song ${song}`);
      for (let j = 0; j < d; j++) values.push(random.normal() + (key === 12 ? 1 : -1) * Number(j === 2));
    }
  }
  const part = (keep: (song: number) => boolean) =>
    pieces.flatMap((piece, i) => (keep(Number(piece.slice(5))) ? [i] : []));
  const split = {
    train: part((song) => song < 36),
    valid: part((song) => song >= 36 && song < 48),
    test: part((song) => song >= 48),
    dropped: 0,
  };
  const task: ProbeLabels = { kind: "classification", classes, labels, pieces };
  return { task, split, table: { n: labels.length, d, values: Float32Array.from(values) } };
}

describe("songs", () => {
  it("are what every row is scored on", async () => {
    const { task, split, table } = problem();
    expect(asksSongs(task)).toBe(true);
    const songs = new Set(split.test.map((clip) => task.pieces?.[clip])).size;
    const guess = majority(task, split);
    const linear = probe(task, table, split);
    const grid = await probeGrid(gpu(), task, table, split, "fast", { most: 3 });
    for (const { predicted, songRule } of [guess, linear, grid]) {
      expect(predicted?.labels).toHaveLength(songs);
      expect(predicted?.scores).toHaveLength(24 * songs);
      expect(new Set(predicted?.pieces).size).toBe(songs);
      expect(songRule).toMatch(/^(vote|max|gmean|mean)$/);
    }
    // Most clips are in C minor, most songs in E flat major; guessing the clips' key is scored on songs.
    const known = guess.predicted?.labels.map(([key]) => key) ?? [];
    expect(guess.scores[0]).toBeCloseTo(meanKeyScore(known, new Array(songs).fill(12)), 12);
    expect(linear.scores[0]).toBeGreaterThan(guess.scores[0]);
  });

  it("with one clip each are clips", () => {
    const { task, split, table } = problem();
    const single = { ...task, pieces: task.labels.map((_, i) => `${i}`) };
    expect(asksSongs(single)).toBe(false);
    for (const { predicted, songRule } of [majority(single, split), probe(single, table, split)]) {
      expect(predicted?.labels).toHaveLength(split.test.length);
      expect(songRule).toBeUndefined();
    }
    const { pieces, ...none } = task;
    expect(majority(none, split).predicted?.labels).toHaveLength(split.test.length);
    expect(pieces).toBeDefined();
  });

  it("are joined by the rule that answers best", () => {
    const scores = Float64Array.from({ length: 3 * 24 }, () => -1);
    scores[5] = 0.5; // two clips say 5, one says 7 very loudly
    scores[24 + 5] = 0.5;
    scores[48 + 7] = 9;
    const predictions = (key: number) => ({
      labels: [[key], [key], [key]],
      scores,
      outputs: 24,
      pieces: ["a", "a", "a"],
    });
    expect(bestSongRule(predictions(5))).toBe("vote");
    expect(bestSongRule(predictions(7))).toBe("max");
    const joined = bySong(predictions(5), "vote");
    expect([joined.labels, joined.scores.indexOf(1)]).toEqual([[[5]], 5]);
  });
});
