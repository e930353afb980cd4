// `gen-instruments`, `gen-key` and `gen-tempo`: the kin of the other tasks on music made by rule. Everything is composed and
// played by melgrad itself, labels are exact, nothing is fetched or stored: a clip is synthesised when it is loaded.

import { type ComposeOptions, compose, type Piece } from "../compose/composer.js";
import { KEYS, PROGRESSIONS } from "../compose/harmony.js";
import { INSTRUMENTS } from "../compose/instruments.js";
import { STYLES } from "../compose/styles.js";
import { synthesise } from "../compose/synth.js";
import { GENERATED_RATE } from "../corpora/generated.js";
import { Seeded } from "../seeded.js";
import type { LabelledClip, LabelledTask } from "../types.js";
import { CLIP_SECONDS } from "./render-clips.js";

/** Which of eleven instruments sound for more than 1 s of the clip: 96 pieces, two clips each. Groups: the piece. */
export function openGenInstruments(seed: number): LabelledTask {
  const random = new Seeded(`gen-instruments ${seed}`);
  const clips: LabelledClip[] = [];
  for (let index = 0; index < 96; index++) {
    const piece = compose({ seed: random.int(2 ** 31), style: STYLES[index % STYLES.length], seconds: 60 });
    for (const part of [0, 0.5]) {
      const start = piece.seconds * part + random.between(0, piece.seconds / 2 - CLIP_SECONDS);
      const label = INSTRUMENTS.map((name) => (soundingSeconds(piece, name, start) > 1 ? 1 : 0));
      clips.push(clip(piece, start, label, [`piece:${piece.seed}`]));
    }
  }
  return {
    name: "gen-instruments",
    kind: "multilabel",
    classes: [...INSTRUMENTS],
    clips,
    note:
      "Generated music: 96 pieces by melgrad's own composer and synthesiser, two clips of 10 s each; an instrument is on when its " +
      "notes sound for more than 1 s. A split keeps every piece on one side.",
  };
}

/** The key among 24: every progression in six keys, 288 clips, each of its own piece. Groups: the progression, and the piece. */
export function openGenKey(seed: number): LabelledTask {
  const random = new Seeded(`gen-key ${seed}`);
  // Each key comes 12 times: over the 24 progressions of a mode the tonics go round.
  const clips = ["major", "minor"].flatMap((mode, m) =>
    random
      .shuffled(PROGRESSIONS.filter((progression) => progression.mode === mode))
      .flatMap((progression, p) =>
        Array.from({ length: 6 }, (_, i) => {
          const key = m * 12 + ((2 * i + p) % 12);
          const piece = pieceOf(random, { progression, key });
          const groups = [`progression:${progression.id}`, `piece:${piece.seed}`];
          return clip(piece, random.between(0, piece.seconds - CLIP_SECONDS), [key], groups);
        }),
      ),
  );
  return {
    name: "gen-key",
    kind: "classification",
    classes: [...KEYS],
    clips,
    note:
      `Generated music: ${clips.length} pieces by melgrad's own composer and synthesiser over ${PROGRESSIONS.length} chord ` +
      "progressions in all 24 keys. A split keeps every progression on one side.",
  };
}

/** log2 of the tempo in beats a minute (70 to 165 in every style), 200 clips, each of its own piece. Groups: the style. */
export function openGenTempo(seed: number): LabelledTask {
  const random = new Seeded(`gen-tempo ${seed}`);
  const clips = Array.from({ length: 200 }, (_, index) => {
    const piece = pieceOf(random, { style: STYLES[index % STYLES.length] });
    const start = random.between(0, piece.seconds - CLIP_SECONDS);
    return clip(piece, start, [Math.log2(piece.tempo)], [`style:${piece.style}`, `piece:${piece.seed}`]);
  });
  return {
    name: "gen-tempo",
    kind: "regression",
    classes: ["log2 BPM"],
    clips,
    note:
      `Generated music: ${clips.length} pieces by melgrad's own composer and synthesiser in ${STYLES.length} styles, 70 to 165 beats ` +
      "a minute. A split keeps every style on one side.",
  };
}

function pieceOf(random: Seeded, options: Omit<ComposeOptions, "seed" | "seconds">): Piece {
  return compose({ ...options, seed: random.int(2 ** 31), seconds: 24 });
}

/** Seconds of the clip in which an instrument has a note down (overlapping notes count once). */
function soundingSeconds(piece: Piece, instrument: string, start: number): number {
  const end = start + CLIP_SECONDS;
  let reached = start;
  let total = 0;
  // Notes are in order of their start.
  for (const note of piece.notes) {
    if (note.instrument !== instrument || note.end <= reached || note.start >= end) continue;
    const to = Math.min(note.end, end);
    total += to - Math.max(note.start, reached);
    reached = to;
  }
  return total;
}

function clip(piece: Piece, start: number, label: number[], groups: string[]): LabelledClip {
  return {
    id: `${piece.seed}@${start.toFixed(1)}`,
    piece: String(piece.seed),
    title: `generated ${piece.style} in ${KEYS[piece.key]}, ${piece.tempo} BPM`,
    groups,
    label,
    load: async () => ({
      sampleRate: GENERATED_RATE,
      channels: [synthesise(piece.notes, start, CLIP_SECONDS, GENERATED_RATE, piece.colour)],
    }),
  };
}
