// From a song's clips to one answer for the song, in the four ways of JukeMIR (Castellon, Donahue and Liang, 2021): the most
// frequent answer, the class of the highest score, of the highest mean score, and of the highest mean probability.

/** The ways, by name. */
export const songRules = ["vote", "max", "gmean", "mean"] as const;
/** One of the ways. */
export type SongRule = (typeof songRules)[number];

/** Positions of the clips of each song, songs in the order of their names. */
export function clipsBySong(pieces: readonly string[]): number[][] {
  const songs = new Map<string, number[]>();
  pieces.forEach((piece, clip) => {
    const clips = songs.get(piece);
    if (clips) clips.push(clip);
    else songs.set(piece, [clip]);
  });
  return [...songs.keys()].sort().flatMap((piece) => [songs.get(piece) ?? []]);
}

/**
 * The class of each song by each rule. Of equals the first class is taken.
 * @param scores logits [clips, classes]
 * @param songs the clips of each song
 */
export function songClasses(
  scores: ArrayLike<number>,
  classes: number,
  songs: readonly (readonly number[])[],
): Record<SongRule, Int32Array> {
  const out = {
    vote: new Int32Array(songs.length),
    max: new Int32Array(songs.length),
    gmean: new Int32Array(songs.length),
    mean: new Int32Array(songs.length),
  };
  songs.forEach((clips, song) => {
    const votes = new Float64Array(classes);
    const peak = new Float64Array(classes).fill(Number.NEGATIVE_INFINITY);
    const total = new Float64Array(classes);
    const mean = new Float64Array(classes);
    for (const clip of clips) {
      const row = Float64Array.from({ length: classes }, (_, k) => scores[clip * classes + k]);
      const choice = largest(row);
      votes[choice]++;
      const e = row.map((score) => Math.exp(score - row[choice]));
      const sum = e.reduce((a, b) => a + b, 0);
      for (let k = 0; k < classes; k++) {
        peak[k] = Math.max(peak[k], row[k]);
        total[k] += row[k];
        mean[k] += e[k] / sum;
      }
    }
    out.vote[song] = largest(votes);
    out.max[song] = largest(peak);
    out.gmean[song] = largest(total);
    out.mean[song] = largest(mean);
  });
  return out;
}

function largest(values: Float64Array): number {
  let best = 0;
  for (let k = 1; k < values.length; k++) if (values[k] > values[best]) best = k;
  return best;
}
