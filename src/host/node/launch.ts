// Who started this process among how many, as Open MPI, MPICH or Slurm say it in the environment. Nothing is loaded to find out: this
// is enough to divide work into shards. Talking to the others is mpi.ts's.

export interface Launch {
  rank: number;
  size: number;
  /** Among the processes on this machine, and how many those are where that is known. */
  localRank: number;
  localSize?: number;
  by: "Open MPI" | "MPICH" | "Slurm";
}

type Environment = Readonly<Record<string, string | undefined>>;

/** Variables of each launcher; of Slurm those that only a step has, not a batch script around it. */
const launchers = [
  {
    by: "Open MPI",
    rank: "OMPI_COMM_WORLD_RANK",
    size: "OMPI_COMM_WORLD_SIZE",
    localRank: "OMPI_COMM_WORLD_LOCAL_RANK",
    localSize: "OMPI_COMM_WORLD_LOCAL_SIZE",
  },
  {
    by: "Slurm",
    needs: "SLURM_STEP_ID",
    rank: "SLURM_PROCID",
    size: "SLURM_STEP_NUM_TASKS",
    localRank: "SLURM_LOCALID",
  },
  {
    by: "MPICH",
    rank: "PMI_RANK",
    size: "PMI_SIZE",
    localRank: "MPI_LOCALRANKID",
    localSize: "MPI_LOCALNRANKS",
  },
] as const;

/** How this process was started; undefined where it was started alone. */
export function launchOf(environment: Environment = process.env): Launch | undefined {
  for (const launcher of launchers) {
    if ("needs" in launcher && environment[launcher.needs] === undefined) continue;
    const [rank, size] = [numberOf(environment[launcher.rank]), numberOf(environment[launcher.size])];
    if (rank === undefined || size === undefined || size < 1 || rank >= size) continue;
    const localSize = "localSize" in launcher ? numberOf(environment[launcher.localSize]) : undefined;
    return {
      rank,
      size,
      localRank: numberOf(environment[launcher.localRank]) ?? 0,
      localSize,
      by: launcher.by,
    };
  }
  return undefined;
}

/** Which share of work that is divided without talking is this process's: by its launcher, or as a task of Slurm's job array. */
export function shardHere(
  environment: Environment = process.env,
): { index: number; count: number } | undefined {
  const launch = launchOf(environment);
  if (launch && launch.size > 1) return { index: launch.rank, count: launch.size };
  const [task, first, count] = ["ID", "MIN", "COUNT"].map((name) =>
    numberOf(environment[`SLURM_ARRAY_TASK_${name}`]),
  );
  const step = numberOf(environment.SLURM_ARRAY_TASK_STEP) ?? 1;
  if (task === undefined || first === undefined || count === undefined || count < 2) return undefined;
  return { index: Math.round((task - first) / step), count };
}

function numberOf(text: string | undefined): number | undefined {
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined;
}
