// Buffer sizes and the plan of an arena (pure), and the pool on a device: reuse, counting, limits.
import { describe, expect, it } from "vitest";
import { formatBytes, planArena, sizeClass } from "../../src/gpu/buffers.js";
import { OutOfMemoryError } from "../../src/gpu/errors.js";
import { Random } from "../../src/tensor/random.js";
import { freshSeed, useGpu } from "../support/gpu.js";

describe("sizeClass", () => {
  it("is at least the size, a multiple of 256, at most a quarter more, and stable", () => {
    const random = new Random(freshSeed("sizeClass"));
    for (let i = 0; i < 2000; i++) {
      const bytes = 1 + Math.floor(2 ** (30 * random.uniform()));
      const size = sizeClass(bytes);
      expect(size).toBeGreaterThanOrEqual(bytes);
      expect(size % 256).toBe(0);
      expect(size).toBeLessThanOrEqual(Math.max(256, Math.ceil(bytes / 256) * 256, bytes * 1.25 + 256));
      expect(sizeClass(size)).toBe(size);
    }
  });

  it("gives few classes", () => {
    const classes = new Set<number>();
    for (let bytes = 1; bytes <= 1 << 16; bytes++) classes.add(sizeClass(bytes));
    expect(classes.size).toBeLessThan(40);
  });
});

describe("planArena", () => {
  it("gives aligned blocks that do not overlap and fit", () => {
    const random = new Random(freshSeed("planArena"));
    const sizes = Array.from({ length: 200 }, () => 4 * (1 + random.integer(3000)));
    const { offsets, total } = planArena(sizes);
    offsets.forEach((offset, i) => {
      expect(offset % 256).toBe(0);
      expect(offset + Math.ceil(sizes[i] / 16) * 16).toBeLessThanOrEqual(offsets[i + 1] ?? total);
    });
  });

  it("has room for empty ones", () => {
    expect(planArena([])).toEqual({ offsets: [], total: 256 });
    expect(planArena([0, 4])).toEqual({ offsets: [0, 256], total: 512 });
  });
});

it("formats bytes", () => {
  expect([0, 1023, 1024, 1536, 150 * 1024, 5 * 2 ** 30].map(formatBytes)).toEqual([
    "0 B",
    "1023 B",
    "1.0 KiB",
    "1.5 KiB",
    "150 KiB",
    "5.0 GiB",
  ]);
});

describe("the pool", () => {
  const gpu = useGpu();

  it("hands out a released buffer again and counts what is held", () => {
    const { pool } = gpu().device;
    const before = { ...pool.use };
    const first = pool.acquire(5000);
    expect(pool.use.inUse - before.inUse).toBe(sizeClass(5000));
    expect(first.bindingSize).toBe(5008);
    pool.release(first);
    pool.release(first); // a second time changes nothing
    expect(pool.use.inUse).toBe(before.inUse);
    const second = pool.acquire(4900);
    expect(second.buffer).toBe(first.buffer);
    const third = pool.acquire(4900);
    expect(third.buffer).not.toBe(second.buffer);
    pool.release(second);
    pool.release(third);
    pool.trim();
    expect(pool.use.reserved).toBeLessThanOrEqual(before.reserved);
  });

  it("remembers the most that was held", () => {
    const { pool } = gpu().device;
    pool.resetPeak();
    const start = pool.use.inUse;
    const blocks = [1000, 2000, 3000].map((bytes) => pool.acquire(bytes));
    for (const block of blocks) pool.release(block);
    const total = [1000, 2000, 3000].reduce((sum, bytes) => sum + sizeClass(bytes), 0);
    expect(pool.use.peak).toBe(start + total);
    expect(pool.use.inUse).toBe(start);
  });

  it("makes zeroed arenas and gives them back", async () => {
    const { device } = gpu();
    const before = device.pool.use.arenas;
    const arena = device.pool.arena([12, 4000, 20], "test");
    expect(new Set(arena.blocks.map((block) => block.buffer)).size).toBe(1);
    const bytes = await device.read(arena.whole);
    expect(new Uint8Array(bytes).every((byte) => byte === 0)).toBe(true);
    arena.destroy();
    expect(device.pool.use.arenas).toBe(before);
  });

  it("refuses what is more than a buffer may hold, and goes on working", async () => {
    const { device } = gpu();
    const floats = device.capabilities.maxBufferBytes / 4 + 1;
    expect(() => gpu().empty([floats])).toThrow(OutOfMemoryError);
    expect(() => gpu().empty([floats])).toThrow(/make the batch, the crop or the model smaller/);
    expect(await gpu().full([3], 2).data()).toEqual(Float32Array.of(2, 2, 2));
  });
});
