/// <reference types="vite/types/importMeta.d.ts" />
// The checks of kernels against kernels that are right: those of every row of the op table and of a training step pass, by the
// rules for software adapters and by those for hardware. That wrong ones are found is shown in broken.test.ts.
import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { kaldiFbank, LogMel, stftPower } from "../../src/audio/log-mel.js";
import type { KernelUse } from "../../src/checks/check.js";
import { kernelChecks } from "../../src/checks/index.js";
import { checkKernels, checkWork, usesOf } from "../../src/checks/run.js";
import type { Kernel } from "../../src/gpu/pipelines.js";
import type { OpCase } from "../ops/case.js";
import { freshSeed, useGpu } from "../support/gpu.js";
import { demoTrainer } from "./demo.js";
import { outsideKernels } from "./outside.js";

const families = import.meta.glob<OpCase[]>("../ops/*.cases.ts", { eager: true, import: "cases" });
const gpu = useGpu();
const seed = freshSeed("checks");

/** Kernels whose check finds something, as text. */
async function faults(uses: Map<KernelUse, Kernel>): Promise<string[]> {
  const known = new Map([...uses].filter(([{ shader }]) => kernelChecks[shader]));
  const found = await checkKernels(gpu(), kernelChecks, known, seed);
  return [...found].flatMap(([{ key }, reason]) => (reason === undefined ? [] : [`${key}: ${reason}`]));
}

describe("the op table's kernels", () => {
  for (const [file, rows] of Object.entries(families)) {
    it(file.replace(/^.*\/|\.cases\.ts$/g, ""), { timeout: 400_000 }, async () => {
      const uses = new Map<KernelUse, Kernel>();
      for (const row of rows) {
        if (row.gradient === false) continue;
        const work = () => {
          const inputs = row.inputs.map(({ shape, draw, gradient = true }) => {
            const whole = draw === "index" || draw === "mask";
            const tensor = gpu().empty(shape, { dtype: whole ? "i32" : "f32" });
            tensor.requiresGrad = gradient && !whole;
            return tensor;
          });
          const output = row.run(inputs);
          if (output.requiresGrad) output.backward(gpu().empty(output.shape));
        };
        for (const [use, kernel] of usesOf(gpu(), work)) {
          if (![...uses.keys()].some(({ key }) => key === use.key)) uses.set(use, kernel);
        }
      }
      expect(uses.size).toBeGreaterThan(0);
      expect(await faults(uses)).toEqual([]);
    });
  }
});

describe("kernels that are launched outside of operations", () => {
  it("pass", async () => {
    const uses = outsideKernels(gpu());
    expect(await faults(uses)).toEqual([]);
  });

  it("pass for spectra of every kind", async () => {
    const work = () => {
      const wave = gpu().empty([2, 6000]);
      new LogMel(gpu()).forward(wave);
      stftPower(wave, { nFft: 75, hopLength: 20, center: false, power: 1 });
      kaldiFbank(wave, { snipEdges: false });
    };
    const uses = usesOf(gpu(), work);
    expect(uses.size).toBe(3);
    expect(await faults(uses)).toEqual([]);
  });
});

it("there is a check for every shader, and no other", () => {
  const shaders = readdirSync("shaders", { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".wgsl"))
    .map((name) => name.replace(/\.wgsl$/, ""))
    // Those with an entry point; benchmarks' own are no part of any work.
    .filter((name) => /\bfn main\(/.test(readFileSync(`shaders/${name}.wgsl`, "utf8")))
    // And those that try the adapter itself, when a device is opened.
    .filter((name) => !name.startsWith("bench/") && name !== "half" && name !== "lanes");
  expect(Object.keys(kernelChecks).sort()).toEqual(shaders.sort());
});

describe("a training step of demo", () => {
  it.each([true, false])(
    "has a check for every kernel, and all pass (software rules: %s)",
    async (software) => {
      const { capabilities, tuner } = gpu().device;
      const before = capabilities.software;
      (capabilities as { software: boolean }).software = software;
      tuner.verdicts.clear();
      const trainer = demoTrainer(gpu());
      try {
        const result = await checkWork(gpu(), kernelChecks, () => trainer.rehearse(), seed);
        console.info(`${result.checked} kernels checked in ${result.ms.toFixed(0)} ms`);
        expect(result).toMatchObject({ unchecked: [], wrong: [] });
        expect(result.checked).toBeGreaterThanOrEqual(35);
        expect(result.checked).toBe(result.used);
        expect(await checkWork(gpu(), kernelChecks, () => trainer.rehearse())).toMatchObject({ checked: 0 });
      } finally {
        (capabilities as { software: boolean }).software = before;
        trainer.dispose();
      }
    },
  );
});
