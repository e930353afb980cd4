// Where the temporaries of a recorded program lie: every one gets a place in one of a few arenas, so that two share bytes only
// where their lifetimes do not meet, and what a dispatch reads never lies in the arena that it writes (WebGPU binds a buffer
// either for reading or for writing within a dispatch). Pure: sizes and times in, offsets out; buffers are made elsewhere.

/** One temporary. Times are positions in the program's list of commands, both ends included. */
export interface Temporary {
  bytes: number;
  first: number;
  last: number;
}

/** Where temporaries lie. */
export interface MemoryPlan {
  /** Bytes of each arena. */
  arenas: number[];
  /** For each temporary: its arena and its offset there. */
  places: { arena: number; offset: number }[];
  /** The most bytes that are alive at once: what no plan can go below. */
  lowerBound: number;
}

const alignment = 256; // minStorageBufferOffsetAlignment that every adapter accepts

/**
 * Places `temporaries` in arenas of at most `limit` bytes. `apart` lists pairs that may not share an arena. Largest first, each
 * at the lowest gap that its lifetime leaves it in the arena that grows least: the heuristic called greedy by size in Pisarchyk
 * and Lee, "Efficient Memory Management for Deep Neural Net Inference" (arXiv 2001.03288), extended to several arenas.
 */
export function planMemory(
  temporaries: readonly Temporary[],
  apart: Iterable<readonly [number, number]>,
  limit = Number.POSITIVE_INFINITY,
): MemoryPlan {
  const sizes = temporaries.map(({ bytes }) => Math.ceil(Math.max(bytes, 16) / alignment) * alignment);
  const enemies: Set<number>[] = temporaries.map(() => new Set());
  for (const [a, b] of apart) {
    if (a === b) continue;
    enemies[a].add(b);
    enemies[b].add(a);
  }
  const order = temporaries.map((_, i) => i);
  order.sort((a, b) => sizes[b] - sizes[a] || temporaries[a].first - temporaries[b].first || a - b);

  const arenas: number[] = [];
  const members: number[][] = [];
  const places: { arena: number; offset: number }[] = [];
  for (const i of order) {
    const forbidden = new Set<number>();
    for (const j of enemies[i]) if (places[j]) forbidden.add(places[j].arena);
    let best: { arena: number; offset: number; growth: number } | undefined;
    for (let arena = 0; arena < arenas.length; arena++) {
      if (forbidden.has(arena)) continue;
      const offset = lowestGap(i, members[arena]);
      const end = offset + sizes[i];
      if (end > limit) continue;
      const growth = Math.max(0, end - arenas[arena]);
      if (!best || growth < best.growth) best = { arena, offset, growth };
    }
    if (!best) {
      best = { arena: arenas.length, offset: 0, growth: sizes[i] };
      arenas.push(0);
      members.push([]);
    }
    const { arena, offset } = best;
    places[i] = { arena, offset };
    arenas[arena] = Math.max(arenas[arena], offset + sizes[i]);
    members[arena].push(i);
  }
  return { arenas, places, lowerBound: mostAlive() };

  /** The lowest offset in an arena where temporary i meets none that is alive with it. */
  function lowestGap(i: number, inhabitants: readonly number[]): number {
    const { first, last } = temporaries[i];
    const busy = inhabitants
      .filter((j) => temporaries[j].first <= last && first <= temporaries[j].last)
      .map((j) => ({ from: places[j].offset, to: places[j].offset + sizes[j] }))
      .sort((a, b) => a.from - b.from);
    let offset = 0;
    for (const { from, to } of busy) {
      if (offset + sizes[i] <= from) break;
      offset = Math.max(offset, to);
    }
    return offset;
  }

  function mostAlive(): number {
    const changes = temporaries.flatMap(({ first, last }, i) => [
      { at: first, by: sizes[i] },
      { at: last + 0.5, by: -sizes[i] },
    ]);
    changes.sort((a, b) => a.at - b.at);
    let [alive, most] = [0, 0];
    for (const { by } of changes) {
      alive += by;
      most = Math.max(most, alive);
    }
    return most;
  }
}
