// The memory plan of a recorded program: on random lifetimes nothing that is alive at once shares bytes, what must lie apart
// does, and the arenas come close to what no plan can go below.
import { describe, expect, it } from "vitest";
import { planMemory, type Temporary } from "../../src/gpu/plan.js";
import { Random } from "../../src/tensor/random.js";
import { freshSeed } from "../support/gpu.js";

const random = new Random(freshSeed("plan"));

function randomTemporaries(count: number, commands: number): Temporary[] {
  return Array.from({ length: count }, () => {
    const first = random.integer(commands);
    const last = Math.min(commands - 1, first + random.integer(random.integer(10) === 0 ? commands : 6));
    return { bytes: 1 + random.integer(100_000), first, last };
  });
}

function expectSound(temporaries: Temporary[], { places, arenas }: ReturnType<typeof planMemory>): void {
  temporaries.forEach((a, i) => {
    const { arena, offset } = places[i];
    expect(offset % 256).toBe(0);
    expect(offset + a.bytes).toBeLessThanOrEqual(arenas[arena]);
    temporaries.slice(i + 1).forEach((b, k) => {
      const other = places[i + 1 + k];
      const together = a.first <= b.last && b.first <= a.last;
      if (!together || other.arena !== arena) return;
      const disjoint = offset + a.bytes <= other.offset || other.offset + b.bytes <= offset;
      expect(disjoint, `${i} and ${i + 1 + k}`).toBe(true);
    });
  });
}

describe("planMemory", () => {
  it("gives what is alive at once bytes of its own", () => {
    for (let round = 0; round < 30; round++) {
      const temporaries = randomTemporaries(1 + random.integer(80), 1 + random.integer(60));
      const plan = planMemory(temporaries, []);
      expectSound(temporaries, plan);
      expect(plan.arenas).toHaveLength(1);
      expect(plan.arenas[0]).toBeGreaterThanOrEqual(plan.lowerBound);
      expect(plan.arenas[0]).toBeLessThan(1.5 * plan.lowerBound);
    }
  });

  it("keeps apart what must lie apart", () => {
    for (let round = 0; round < 30; round++) {
      const temporaries = randomTemporaries(40, 40);
      const pairs = Array.from({ length: 60 }, (): [number, number] => [
        random.integer(40),
        random.integer(40),
      ]);
      const plan = planMemory(temporaries, pairs);
      expectSound(temporaries, plan);
      for (const [a, b] of pairs) if (a !== b) expect(plan.places[a].arena).not.toBe(plan.places[b].arena);
    }
  });

  it("fills no arena beyond the limit", () => {
    const temporaries = Array.from({ length: 10 }, () => ({ bytes: 1000, first: 0, last: 9 }));
    const plan = planMemory(temporaries, [], 3000);
    expectSound(temporaries, plan);
    expect(plan.arenas.length).toBe(5);
    for (const bytes of plan.arenas) expect(bytes).toBeLessThanOrEqual(3000);
  });

  it("reuses the memory of a chain", () => {
    const chain = Array.from({ length: 50 }, (_, i) => ({ bytes: 4096, first: i, last: i + 1 }));
    const neighbours = chain.slice(1).map((_, i): [number, number] => [i, i + 1]);
    expect(planMemory(chain, neighbours).arenas).toEqual([4096, 4096]);
  });
});
