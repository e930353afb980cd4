// What a suite of the fuzzing command is: a source of random cases, each of which ends well or throws what is wrong. The command
// (main.ts) runs suites in a process of their own, counts, watches the clock and the memory, and keeps what fails. Types only.

/** A case that went wrong, made as small as it could be. */
export interface Failure {
  /** Which part of the suite: a reader, an operation. */
  target: string;
  /** What is wrong, first line first. */
  message: string;
  /** The case, for a file that repeats it. */
  bytes: Uint8Array;
}

export interface RunOptions {
  seed: number;
  /** How many cases. */
  count: number;
  /** Milliseconds after which no further case begins. */
  milliseconds: number;
  /** Only targets whose name contains this. */
  filter?: string;
  /** Called before each case, with what is needed to repeat it should the process not survive it. */
  begin(target: string, bytes: Uint8Array): void;
  fail(failure: Failure): void;
}

/** What a run did: cases by target. */
export type Tally = Map<string, number>;

export interface Suite {
  name: string;
  /** What a case is called: the command's option --files or --graphs says how many. */
  unit: string;
  /** Runs cases until there are enough or the time is over. The same seed and count give the same cases. */
  run(options: RunOptions): Promise<Tally>;
}
