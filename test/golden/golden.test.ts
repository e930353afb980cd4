// Every case of the reference set (MELGRAD_GOLDEN, else ../shared/golden, else the project's own small set), and what the
// runner does with cases and sets that are wrong.
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { useGpu } from "../support/gpu.js";
import { referenceFolder } from "./default-set.js";
import { errorRatio, judge, type Outcome, runCase, runners } from "./runner.js";
import { type GoldenCase, GoldenSet } from "./set.js";

const root = join(import.meta.dirname, "../..");
const own = join(root, "test/golden/set");
const gpu = useGpu();

for (const folder of new Set([referenceFolder(root), own])) {
  describe(folder === own ? "the project's reference set" : "the reference set", () => {
    const set = new GoldenSet(folder);
    const byOp = new Map<string, number[]>();
    for (const [i, { op }] of set.cases.entries()) byOp.set(op, [...(byOp.get(op) ?? []), i]);

    it("is whole", () => {
      expect(set.problems()).toEqual([]);
      expect(set.cases.length).toBeGreaterThan(0);
    });

    it.each([...byOp])("%s", async (_, cases) => {
      const problems: string[] = [];
      for (const index of cases) {
        const outcome = await runCase(gpu(), set, index);
        problems.push(...outcome.problems.map((problem) => `${outcome.id}: ${problem}`));
      }
      expect(problems).toEqual([]);
    });
  });
}

describe("the runner", () => {
  const folders: string[] = [];
  afterAll(() => {
    for (const folder of folders) rmSync(folder, { recursive: true });
  });

  interface Line {
    op: string;
    params: Record<string, unknown>;
    inputs: Record<string, { tensor: string }>;
    outputs: Record<string, { tensor: string; rtol: number; atol: number }>;
    gradients?: Record<string, unknown>;
  }

  /** Outcome of the own set's first case of `op` after a change to its line of the manifest. */
  async function changed(op: string, change: (line: Line) => void): Promise<string> {
    const folder = mkdtempSync(join(tmpdir(), "melgrad-golden-"));
    folders.push(folder);
    cpSync(own, folder, { recursive: true });
    const path = join(folder, "manifest.json");
    const manifest: { cases: Line[] } = JSON.parse(readFileSync(path, "utf8"));
    const index = manifest.cases.findIndex((line) => line.op === op);
    change(manifest.cases[index]);
    writeFileSync(path, JSON.stringify(manifest));
    return (await runCase(gpu(), new GoldenSet(folder), index)).problems.join("\n");
  }

  it("fails on an unknown op, also one that objects have by nature", async () => {
    for (const op of ["frobnicate", "constructor"]) {
      expect(
        await changed("gelu", (line) => {
          line.op = op;
        }),
      ).toMatch(/no runner/);
    }
  });

  it("fails on other values, on what is not computed and on a case that expects nothing", async () => {
    expect(
      await changed("gelu", (line) => {
        line.params = { approximate: "tanh" };
      }),
    ).toMatch(/are wrong/);
    expect(
      await changed("gelu", (line) => {
        line.outputs.more = line.outputs.out;
      }),
    ).toMatch(/more was not computed/);
    expect(
      await changed("gelu", (line) => {
        line.outputs = {};
        line.gradients = {};
      }),
    ).toMatch(/expects nothing/);
  });

  it("fails on a tensor or a param that is missing", async () => {
    expect(
      await changed("gelu", (line) => {
        line.inputs.x.tensor = "nowhere";
      }),
    ).toMatch(/no tensor 'nowhere'/);
    expect(
      await changed("softmax", (line) => {
        line.params = {};
      }),
    ).toMatch(/param 'dim'/);
  });

  it("fails on a file that is missing or was changed", async () => {
    const folder = mkdtempSync(join(tmpdir(), "melgrad-golden-"));
    folders.push(folder);
    cpSync(own, folder, { recursive: true });
    const manifest: { files: Record<string, unknown> } = JSON.parse(
      readFileSync(join(folder, "manifest.json"), "utf8"),
    );
    const [first, second] = Object.keys(manifest.files);
    rmSync(join(folder, first));
    const bytes = readFileSync(join(folder, second));
    bytes[bytes.length - 1] ^= 1;
    writeFileSync(join(folder, second), bytes);
    const set = new GoldenSet(folder);
    expect(set.problems().join("\n")).toMatch(/is missing[\s\S]*SHA-256/);
    for (const op of ["gelu", "stft_power"]) {
      const index = set.cases.findIndex((line) => line.op === op);
      expect((await runCase(gpu(), set, index)).problems).not.toEqual([]);
    }
  });

  it("counts NaN as wrong on either side, and equal infinities as right", () => {
    expect(errorRatio(Number.NaN, 1, 1, 1)).toBe(Number.POSITIVE_INFINITY);
    expect(errorRatio(1, Number.NaN, 1, 1)).toBe(Number.POSITIVE_INFINITY);
    expect(errorRatio(Number.NaN, Number.NaN, 1, 1)).toBe(Number.POSITIVE_INFINITY);
    expect(errorRatio(-Infinity, -Infinity, 0, 0)).toBe(0);
    expect(errorRatio(1, 2, 0, 0)).toBe(Number.POSITIVE_INFINITY);
    expect(errorRatio(1.5, 1, 0.25, 0.25)).toBe(1);
  });

  it("judges a gradient that is 0 throughout by the scale of the operands", () => {
    const zeros = { shape: [2], data: new Float32Array(2), rtol: 1e-4, atol: 0 };
    const item: GoldenCase = {
      ...{ id: "one key", op: "attention", params: {}, weights: {} },
      inputs: {
        q: { shape: [1], data: Float32Array.of(2) },
        k: { shape: [1], data: Float32Array.of(1000) },
        v: { shape: [1], data: Float32Array.of(-3, Number.NEGATIVE_INFINITY) },
      },
      cotangent: { shape: [1], data: Float32Array.of(0.5) },
      expected: { outputs: {}, gradients: { k: zeros }, final_weights: {} },
    };
    const ratio = (expected: typeof zeros, got: number[]) => {
      const outcome: Outcome = { id: "", op: "", problems: [], worst: 0 };
      const gradients = { k: { shape: [2], data: got } };
      judge(
        { ...item, expected: { ...item.expected, gradients: { k: expected } } },
        { outputs: {}, gradients },
        outcome,
      );
      return outcome.worst;
    };
    expect(ratio(zeros, [0, 3 * 2 ** -22])).toBe(1); // 0.5 · 2 · 3, of which four last places
    expect(ratio(zeros, [Number.NaN, 0])).toBe(Number.POSITIVE_INFINITY);
    expect(ratio({ ...zeros, data: Float32Array.of(0, 1) }, [1e-9, 1])).toBe(Number.POSITIVE_INFINITY);
  });

  it("knows every op of the sets", () => {
    expect(Object.keys(runners).length).toBeGreaterThan(50);
  });
});
