// Asynchronous work over a list, some at a time, for tasks that wait on other programs. Not for rendering: render-pool.ts has
// threads for that.

import { availableParallelism } from "node:os";

/** Maps with as many calls at a time as the machine has cores, results in order. */
export async function eachOf<T, R>(
  items: readonly T[],
  map: (item: T, index: number) => Promise<R>,
): Promise<R[]> {
  const results = new Array<R>(items.length);
  let next = 0;
  const take = async () => {
    while (next < items.length) {
      const index = next++;
      results[index] = await map(items[index], index);
    }
  };
  await Promise.all(Array.from({ length: Math.min(4, availableParallelism()) }, take));
  return results;
}
