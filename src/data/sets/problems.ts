// What is amiss in a data set, each with its file and line, gathered so that reading goes on. Not here: errors that end it.

/** `missing`: a file is not there; `broken`: a file cannot be used; `label`: a line or a label is wrong; `remark`: nothing is wrong. */
export type ProblemKind = "missing" | "broken" | "label" | "remark";

export interface Problem {
  kind: ProblemKind;
  /** Below the set's folder. */
  file: string;
  /** Counted from 1. */
  line?: number;
  /** What is wrong and what was done about it. */
  text: string;
}

export class Problems {
  readonly list: Problem[] = [];

  add(kind: ProblemKind, at: { file: string; line?: number }, text: string): void {
    this.list.push({ kind, file: at.file, line: at.line, text });
  }

  /** All but remarks. */
  get faults(): Problem[] {
    return this.list.filter(({ kind }) => kind !== "remark");
  }
}

/** "file:line: text". */
export function problemText({ file, line, text }: Problem): string {
  return `${file}${line === undefined ? "" : `:${line}`}: ${text}`;
}

/** The first few as lines of text, and a last line that counts the rest. */
export function problemLines(problems: readonly Problem[], most: number): string[] {
  const lines = problems.slice(0, most).map(problemText);
  if (problems.length > most) lines.push(`… and ${problems.length - most} more`);
  return lines;
}
