// Keys are asked of songs, not of clips: where a song has several clips their answers are joined to one, by the rule that did best on
// the validation part. Every kind of features, and guessing, goes through this. The rules themselves are in songs.ts.
import { meanKeyScore } from "./key-score.js";
import type { Predictions, ProbeLabels } from "./labels.js";
import { familyOf } from "./scores/index.js";
import { clipsBySong, type SongRule, songClasses, songRules } from "./songs.js";

/** Whether a task's answers are joined song by song. */
export function asksSongs(task: ProbeLabels): boolean {
  const { pieces } = task;
  return familyOf(task).ofSongs === true && pieces !== undefined && new Set(pieces).size < pieces.length;
}

/** The way of joining a song's clips that answers these keys best, the first of equals. */
export function bestSongRule({ labels, scores, outputs, pieces = [] }: Predictions): SongRule {
  const songs = clipsBySong(pieces);
  const classes = songClasses(scores, outputs, songs);
  const known = songs.map(([clip]) => labels[clip][0]);
  const points = songRules.map((rule) => meanKeyScore(known, classes[rule]));
  return songRules[points.indexOf(Math.max(...points))];
}

/** One row a song: a one at its class. */
export function bySong({ labels, scores, outputs, pieces = [] }: Predictions, rule: SongRule): Predictions {
  const songs = clipsBySong(pieces);
  const classes = songClasses(scores, outputs, songs)[rule];
  const rows = new Float64Array(songs.length * outputs);
  for (let song = 0; song < songs.length; song++) rows[song * outputs + classes[song]] = 1;
  return {
    labels: songs.map(([clip]) => labels[clip]),
    scores: rows,
    outputs,
    pieces: songs.map(([clip]) => pieces[clip]),
  };
}
