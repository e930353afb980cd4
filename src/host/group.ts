// The processes that compute one thing together, as four calls: who am I, how many are we, add up numbers over all, hand bytes from
// the first to all. Nothing else of training depends on what stands behind them. Not here: MPI (node/mpi.ts).

export interface ProcessGroup {
  /** This process's number, from 0. */
  readonly rank: number;
  /** Number of processes. */
  readonly size: number;
  /**
   * Adds up `values` over all processes, in place; every process must call it with as many. The memory must be left alone until it
   * resolves. All get the same bits, and the same again from the same values.
   */
  allReduce(values: Float32Array): Promise<void>;
  /** Gives every process the first one's bytes; each must know how many. The others' are overwritten. */
  broadcast(bytes: Uint8Array): Promise<void>;
}

/** One process. */
export const alone: ProcessGroup = {
  rank: 0,
  size: 1,
  allReduce: async () => {},
  broadcast: async () => {},
};
