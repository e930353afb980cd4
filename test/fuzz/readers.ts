// The suite of readers: every reader of a file is given whole files, files with random damage and random bytes, and must answer with
// a result that makes sense or with a typed error of the data, in a second or so, and without asking for memory that no small file needs.
import fc from "fast-check";
import { DataError, UsageError } from "../../src/gpu/errors.js";
import { damaged, type Edit, edits } from "./edits.js";
import { openTargets, type Target } from "./reader-targets.js";
import type { RunOptions, Suite, Tally } from "./suite.js";

/** Steps by which a failing case is made smaller; more would find little and cost minutes. */
const shrinkSteps = 300;

/** Cases that one seed of fast-check gives; after a failure the next seed goes on. */
const chunk = 250;

/** A file: one of the target's own or random bytes, and what is done to it. */
interface Case {
  target: number;
  base: number;
  random: Uint8Array | undefined;
  repaired: boolean;
  edits: Edit[];
}

function cases(count: number): fc.Arbitrary<Case> {
  return fc.record({
    target: fc.nat(count - 1),
    base: fc.nat(1000),
    random: fc.option(fc.uint8Array({ maxLength: 3000, size: "max" }), { freq: 12, nil: undefined }),
    repaired: fc.boolean(),
    edits,
  });
}

function bytesOf(each: Case, targets: readonly Target[]): { target: Target; bytes: Uint8Array } {
  const target = targets[each.target];
  const base = each.random ?? target.bases[each.base % target.bases.length];
  const others = targets.flatMap(({ bases }) => bases);
  const bytes = damaged(base, each.edits, others);
  return { target, bytes: each.repaired && target.repair ? target.repair(bytes) : bytes };
}

/** Reads bytes with a target's reader. Throws where what comes of it is neither a result that makes sense nor an error of the data. */
export async function readOnce(target: Target, bytes: Uint8Array): Promise<void> {
  try {
    await target.read(Uint8Array.from(bytes));
  } catch (error) {
    if (!(error instanceof DataError || error instanceof UsageError)) throw error;
    if (error.message.length > 2000) throw new Error(`a message of ${error.message.length} characters`);
  }
}

export function readerSuite(root: string): Suite {
  return {
    name: "readers",
    unit: "files",
    async run({ seed, count, milliseconds, filter = "", begin, fail }: RunOptions): Promise<Tally> {
      const { targets: all, close } = openTargets(root);
      const targets = all.filter(({ name }) => name.includes(filter));
      const tally: Tally = new Map();
      const deadline = performance.now() + milliseconds;
      const seen = new Set<string>();
      let done = 0;
      try {
        for (let number = 0; done < count && performance.now() < deadline; number++) {
          let shrunk = 0;
          const property = fc.asyncProperty(cases(targets.length), async (each) => {
            if (shrunk > shrinkSteps) return;
            const { target, bytes } = bytesOf(each, targets);
            begin(target.name, bytes);
            if (shrunk > 0) shrunk++;
            else {
              done++;
              tally.set(target.name, (tally.get(target.name) ?? 0) + 1);
            }
            try {
              await readOnce(target, bytes);
            } catch (error) {
              shrunk = Math.max(shrunk, 1);
              throw error;
            }
          });
          const outcome = await fc.check(property, {
            seed: (seed + number) | 0,
            numRuns: Math.min(chunk, count - done),
            interruptAfterTimeLimit: Math.max(1, Math.min(60_000, deadline - performance.now())),
          });
          if (!outcome.failed || outcome.counterexample === null) continue;
          const { target, bytes } = bytesOf(outcome.counterexample[0], targets);
          const { errorInstance } = outcome;
          const message =
            errorInstance instanceof Error ? (errorInstance.stack ?? "") : String(errorInstance);
          const kind = `${target.name} ${message.split("\n").slice(0, 2).join(" ").replace(/\d+/g, "N")}`;
          if (!seen.has(kind)) fail({ target: target.name, message, bytes });
          seen.add(kind);
        }
      } finally {
        close();
      }
      return tally;
    },
  };
}
