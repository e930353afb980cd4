// A command that several processes carry out together, started by mpirun or srun: one of them speaks, all end when one fails, with its
// reason. Not here: what they do together.
import { setTimeout as delay } from "node:timers/promises";
import { MelgradError, UsageError } from "../gpu/errors.js";
import { alone, type ProcessGroup } from "../host/group.js";
import { joinGroup } from "../host/node/mpi.js";
import type { ProgressDisplay } from "./progress.js";

/** The processes of a command. */
export interface Together {
  group: ProcessGroup;
  /** Whether this one speaks and writes. */
  lead: boolean;
  /** Ends what is done together; the lead may go on alone. */
  part(): Promise<void>;
}

/** Milliseconds for which a process keeps back an error that the first one will most likely tell. */
const courtesy = 700;

/** Runs `work` in each of the processes that were started together, or in this one alone. */
export async function together(work: (with_: Together) => Promise<void>): Promise<void> {
  const group = await joinGroup();
  if (!group) return work({ group: alone, lead: true, part: async () => {} });
  const lead = group.rank === 0;
  let parted = false;
  const part = async () => {
    if (parted) return;
    parted = true;
    if (!(await group.leave())) group.abort(Number(process.exitCode) || 1);
  };
  try {
    await work({ group, lead, part });
    await part();
  } catch (error) {
    if (parted) throw error;
    if (!lead) await delay(courtesy);
    const known = error instanceof MelgradError;
    console.error(`${group.name}: ${known ? error.message : (error as Error).stack}`);
    group.abort(error instanceof UsageError ? 2 : 1);
  }
}

/** Shows nothing. */
export const silent: ProgressDisplay = { note() {}, progress() {}, step() {}, stop() {} };
