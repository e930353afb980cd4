// What the phases of a run are for, in a sentence each, so that whoever watches a progress bar knows why it moves. Each is told once, when it
// begins. Not here: the bars.

/** In the order in which a run goes through them. */
const purposes = {
  music: "the pieces to learn from; fetched or made once, then taken from the cache",
  "log-mels": "the spectrograms that the model hears, computed once",
  "pre-training": "the encoder learns from the music alone, without labels",
  tasks: "labelled clips of other music, by which to judge what was learnt",
  features: "what this encoder, encoders with random weights and hand-made features tell of these clips",
  probes: "a small head is fitted to each kind of features, to see which tells most of the labels",
} as const;

/** A part of a run, by name. */
export type Phase = keyof typeof purposes;

const names = Object.keys(purposes) as Phase[];
/** Those of pre-training. */
export const trainingPhases: readonly Phase[] = names.slice(0, 3);
/** Those that come after it. */
export const probingPhases: readonly Phase[] = names.slice(3);

/** Tells of each phase once, when it begins: "phase 3 of 6, pre-training: …". */
export function tellPhases(phases: readonly Phase[], note: (text: string) => void): (phase: Phase) => void {
  const told = new Set<Phase>();
  return (phase) => {
    if (told.has(phase)) return;
    told.add(phase);
    note(`phase ${phases.indexOf(phase) + 1} of ${phases.length}, ${phase}: ${purposes[phase]}`);
  };
}
