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

/** Waits until every process has come here. */
export async function meet(group: ProcessGroup): Promise<void> {
  await group.allReduce(new Float32Array(1));
}

/** The first process's bytes, on every process; the others give none. */
export async function shareBytes(group: ProcessGroup, bytes?: Uint8Array): Promise<Uint8Array> {
  const length = new Uint8Array(8);
  if (bytes) new DataView(length.buffer).setFloat64(0, bytes.length);
  await group.broadcast(length);
  const all = bytes ?? new Uint8Array(new DataView(length.buffer).getFloat64(0));
  const most = 2 ** 30; // a count is an int
  for (let at = 0; at < all.length; at += most) await group.broadcast(all.subarray(at, at + most));
  return all;
}

/** What the first process gives, as JSON, on every process; what `make` of the others would give is not asked. */
export async function share<T>(group: ProcessGroup, make: () => T | Promise<T>): Promise<T> {
  if (group.size === 1) return make();
  const own =
    group.rank === 0 ? new TextEncoder().encode(JSON.stringify({ value: await make() })) : undefined;
  const text = new TextDecoder().decode(await shareBytes(group, own));
  return (JSON.parse(text) as { value: T }).value;
}

/** What every process gives, as JSON, in their order, on every process. */
export async function gather<T>(group: ProcessGroup, value: T): Promise<T[]> {
  if (group.size === 1) return [value];
  const own = new TextEncoder().encode(JSON.stringify({ value }));
  const lengths = new Float32Array(2 * group.size); // each in two parts, which a float holds exactly
  lengths.set([Math.floor(own.length / 2 ** 20), own.length % 2 ** 20], 2 * group.rank);
  await group.allReduce(lengths);
  const starts = [0];
  for (let i = 0; i < group.size; i++) starts.push(starts[i] + lengths[2 * i] * 2 ** 20 + lengths[2 * i + 1]);
  const bytes = new Float32Array(starts[group.size]);
  bytes.set(own, starts[group.rank]);
  await group.allReduce(bytes);
  return Array.from({ length: group.size }, (_, i) => {
    const text = new TextDecoder().decode(Uint8Array.from(bytes.subarray(starts[i], starts[i + 1])));
    return (JSON.parse(text) as { value: T }).value;
  });
}
