// The comparison with other libraries, without them: the verdicts, the float64 loss of the shared training step, and
// melgrad's own process, which must give the step's known losses and answer, fail and end as the protocol says.
import { mkdirSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { build } from "esbuild";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { esbuildShaders } from "../../scripts/shaders.mjs";

/** What is used of bench/peers, which is plain JavaScript. */
interface Entry {
  name: string;
  ms?: number;
  way?: string;
  rounds?: number;
  error?: number;
  dropped?: string;
  disagrees?: string;
  losses?: number[];
}
interface Expected {
  values: number[];
  scale?: number;
}
interface Case {
  name: string;
  train?: boolean;
  inputs?(): { shape: number[]; data: Float32Array }[];
}
interface Bar {
  ratio: number;
  share?: number;
  lavapipe?: { ratio: number };
}
interface Verdict {
  ratio?: number;
  faster?: string;
  share?: number;
  met?: boolean;
  wrong?: string;
}
interface Ceilings {
  gflops: number;
  copyGBs: number;
  copies: { MiB: number; GBs: number }[];
}
interface Side {
  readonly running: boolean;
  open(): Promise<{ version: string; adapter: { name: string } }>;
  ask(method: string, given?: object, options?: { seconds?: number }): Promise<Record<string, unknown>>;
  close(): Promise<void>;
}

const load = <T>(file: string) =>
  import(/* @vite-ignore */ pathToFileURL(resolve("bench/peers", file)).href) as Promise<T>;

const { largestError, lossError, median } = await load<{
  largestError(outputs: number[][], expected: Expected[]): number;
  lossError(taken: number[], known: Map<number, number>): number;
  median(samples: number[]): number;
}>("statistics.mjs");
const { betterCeilings, judge, judgeCold } = await load<{
  betterCeilings(one: Ceilings, other: Ceilings): Ceilings;
  judge(found: object, entries: Entry[], options?: { ceilings?: Ceilings; adapterName?: string }): Verdict;
  judgeCold(results: object[]): { met?: boolean }[];
}>("verdict.mjs");
const { contest } = await load<{
  contest(found: Case, sides: Side[], options?: { rounds?: number; leastMs?: number }): Promise<Entry[]>;
}>("contest.mjs");
const { findCase, suites } = await load<{
  findCase(name: string): Case;
  suites: Record<string, (options?: { long?: boolean }) => Case[]>;
}>("cases/index.mjs");
const { Side, SideEnded } = await load<{
  Side: new (options: { name: string; adapter?: string; env?: Record<string, string> }) => Side;
  SideEnded: new () => Error;
}>("side.mjs");
const { stepLoss } = await load<{ stepLoss(): number }>("lib/step-loss.mjs");
const { losses } = await load<{ losses: Map<number, number> }>("cases/step.mjs");

describe("figures", () => {
  it("takes the middle", () => {
    expect(median([9, 1, 5])).toBe(5);
    expect(median([4, 1, 2, 3])).toBe(2.5);
    expect(median([7])).toBe(7);
  });

  it("holds results against the scale of what is expected, and refuses what is no number", () => {
    const expected = [{ values: [3, -3, 3] }, { values: [0], scale: 2 }];
    expect(largestError([[3, -3, 3.3], [0]], expected)).toBeCloseTo(0.1);
    expect(largestError([[3, -3, 3], [0.5]], expected)).toBe(0.25);
    for (const wrong of [[[3, Number.NaN, 3], [0]], [[3, -3], [0]], [[3, -3, 3]], []]) {
      expect(largestError(wrong, expected)).toBe(Number.POSITIVE_INFINITY);
    }
  });

  it("compares the losses of the steps that were taken", () => {
    const known = new Map([
      [0, 10],
      [2, 8],
    ]);
    expect(lossError([10.5, 0], known)).toBe(0.5);
    expect(lossError([10, 0, 9], known)).toBe(1);
    expect(lossError([], known)).toBe(Number.POSITIVE_INFINITY);
    expect(lossError([Number.NaN], known)).toBe(Number.POSITIVE_INFINITY);
  });
});

describe("verdicts", () => {
  const ceilings = {
    gflops: 100,
    copyGBs: 10,
    copies: [
      { MiB: 1, GBs: 20 },
      { MiB: 64, GBs: 10 },
    ],
  };
  const bar: Bar = { ratio: 2, share: 0.8, lavapipe: { ratio: 4 } };
  const entries = (ours: number, ...peers: (number | undefined)[]): Entry[] => [
    { name: "ours", way: "eager", ms: ours },
    ...peers.map((ms, i) => ({ name: `peer ${i}`, way: "eager", ms })),
  ];

  it("compares with the faster peer, by the adapter's bar", () => {
    const verdict = judge({ bar, flops: 1e8 }, entries(2, 9, 6), { ceilings, adapterName: "SwiftShader" });
    expect(verdict).toMatchObject({ ratio: 3, faster: "peer 1", share: 0.5, met: true });
    const there = judge({ bar, flops: 1e8 }, entries(2, 9, 6), { ceilings, adapterName: "llvmpipe (LLVM)" });
    expect(there).toMatchObject({ ratio: 3, met: false });
    expect(judge({ bar }, entries(2, undefined, 8), { ceilings })).toMatchObject({ ratio: 4, met: true });
  });

  it("is content with the adapter's ceiling, unless a peer is faster still", () => {
    const bytes = 64 * 2 ** 20; // 6.7 ms at 10 GB/s
    expect(judge({ bar, bytes }, entries(8, 9), { ceilings })).toMatchObject({ met: true });
    expect(judge({ bar, bytes }, entries(9, 10), { ceilings })).toMatchObject({ met: false });
    expect(judge({ bar, bytes }, entries(8, 7.9), { ceilings })).toMatchObject({ met: false });
  });

  it("is not met by a wrong result, and is open without peers or bar", () => {
    const [ours, peer] = entries(1, 9);
    expect(judge({ bar }, [{ ...ours, disagrees: "differs" }, peer])).toMatchObject({ met: false });
    expect(judge({ bar }, [{ name: "ours", dropped: "no way of it works" }, peer])).toMatchObject({
      met: false,
    });
    expect(judge({ bar }, [ours]).met).toBeUndefined();
    expect(judge({}, [ours, peer]).met).toBeUndefined();
  });

  it("keeps the better ceilings and knows what a cold start may take", () => {
    const other = {
      gflops: 50,
      copyGBs: 12,
      copies: [
        { MiB: 1, GBs: 25 },
        { MiB: 64, GBs: 9 },
      ],
    };
    expect(betterCeilings(ceilings, other)).toEqual({
      gflops: 100,
      copyGBs: 12,
      copies: [
        { MiB: 1, GBs: 25 },
        { MiB: 64, GBs: 10 },
      ],
    });
    const cold = (off: number, warm: number, adapter: string) => ({ name: "melgrad", off, warm, adapter });
    expect(judgeCold([cold(11, 2, "llvmpipe")])[0].met).toBe(true);
    expect(judgeCold([cold(11, 4, "llvmpipe")])[0].met).toBe(false);
    expect(judgeCold([cold(99, 9, "SwiftShader")])[0].met).toBeUndefined();
  });
});

describe("cases", () => {
  it("can be told apart and found by name", () => {
    const names = Object.values(suites).flatMap((suite) => suite({ long: true }).map(({ name }) => name));
    expect(new Set(names).size).toBe(names.length);
    for (const name of names) expect(findCase(name).name).toBe(name);
    expect(() => findCase("nothing")).toThrow("no case");
  });

  it("start the training step at the known loss, in float64", () => {
    expect(Math.abs(stepLoss() - (losses.get(0) ?? 0))).toBeLessThan(1e-6);
  });
});

describe("melgrad's process", () => {
  // Inside node_modules, so that the build finds its packages as dist/ does.
  const dist = resolve("node_modules/.cache", `melgrad-peers-test-${process.pid}`);
  let side: Side;

  beforeAll(async () => {
    mkdirSync(dist, { recursive: true });
    await build({
      entryPoints: ["src/node.ts"],
      outfile: join(dist, "node.js"),
      bundle: true,
      format: "esm",
      platform: "node",
      packages: "external",
      plugins: [esbuildShaders],
      logLevel: "error",
    });
    side = new Side({ name: "melgrad", env: { MELGRAD_DIST: dist } });
    await side.open();
  });
  afterAll(async () => {
    await side?.close();
    rmSync(dist, { recursive: true, force: true });
  });

  it.each(["readback", "matmulNT_512x512x512", "attention_fwdbwd", "adamw_1M", "stft_10s", "logmel_10s_b1"])(
    "does %s right, alone",
    async (name) => {
      const [entry] = await contest(findCase(name), [side], { rounds: 2, leastMs: 0 });
      expect(entry).toMatchObject({ name: "melgrad", rounds: 2, dropped: undefined, disagrees: undefined });
      expect(entry.ms).toBeGreaterThan(0);
    },
  );

  it("takes the training step as float64 does, captured and not", async () => {
    const { ways } = await side.ask("prepare", { name: "train_step" });
    for (const way of ways as string[]) {
      const taken = [(await side.ask("first", { way })).loss as number];
      while (taken.length < 11) taken.push((await side.ask("timed", { way })).loss as number);
      expect(lossError(taken, losses), way).toBeLessThan(1e-3);
    }
    await side.ask("finish");
  });

  it("answers with errors, and lives on", async () => {
    await expect(side.ask("prepare", { name: "nothing" })).rejects.toThrow("no case");
    expect(side.running).toBe(true);
    expect(await side.ask("prepare", { name: "readback" })).toEqual({ ways: ["eager"] });
    await side.ask("finish");
  });

  it("is ended when it takes too long, and can be opened again", async () => {
    await side.ask("prepare", { name: "logmel_10s_b16" });
    const late = side.ask("first", { way: "LogMel", at: [[0]] }, { seconds: 0.001 });
    await expect(late).rejects.toBeInstanceOf(SideEnded);
    expect(side.running).toBe(false);
    await expect(side.ask("finish")).rejects.toBeInstanceOf(SideEnded);
    expect((await side.open()).version).toMatch(/^\d/);
  });
});
