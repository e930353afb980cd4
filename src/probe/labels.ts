// What a probe knows of a task, without its audio, and what a head answers. Not here: how answers are scored (protocol.ts).

/** A task's labels, without its audio. */
export interface ProbeLabels {
  kind: "multilabel" | "classification" | "regression";
  classes: readonly string[];
  /** One row a clip: 0/1 per class, [class], or one number per target. */
  labels: readonly (readonly number[])[];
  /** The song of each clip, for metrics that judge songs rather than clips. */
  pieces?: readonly string[];
  /** The main figure by its name (scores/), where it is not the usual one. */
  metric?: string;
}

/** What a head answered on the test part. */
export interface Predictions {
  labels: readonly (readonly number[])[];
  /** [labels, outputs] */
  scores: Float64Array;
  outputs: number;
  /** What is resampled together: the piece of each row. */
  pieces?: readonly string[];
}

/** Whether classes are the 24 keys in the order of key-score.ts. */
export function areKeys(classes: readonly string[]): boolean {
  return classes.length === 24 && classes.every((name, i) => name.endsWith(i < 12 ? " major" : " minor"));
}
