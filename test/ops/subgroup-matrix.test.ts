// The product by subgroup matrices, which no adapter here can run: its WGSL compiles in every form. Dawn's null backend, which does
// nothing, knows the feature; it serves this compilation alone.
import shaders from "melgrad:shaders";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { subgroupMatricesOf } from "../../src/gpu/capabilities.js";
import { type Defines, preprocess } from "../../src/gpu/preprocess.js";
import { createInstance, dawnOptions, releaseInstance } from "../../src/host/node/dawn.js";
import { subgroupMatrix } from "../../src/ops/matmul-variants/subgroup-matrix.js";

let instance: GPU;
let device: GPUDevice;

beforeAll(async () => {
  instance = await createInstance(["backend=null", ...dawnOptions(false)]);
  const adapter = await instance.requestAdapter();
  const feature = "chromium-experimental-subgroup-matrix" as GPUFeatureName;
  if (!adapter?.features.has(feature)) throw new Error("The null backend lacks subgroup matrices.");
  device = await adapter.requestDevice({ requiredFeatures: [feature, "shader-f16", "subgroups"] });
});

afterAll(() => {
  device.destroy();
  releaseInstance(instance);
});

/** What the compiler has against the kernel. */
async function complaints(defines: Defines): Promise<string[]> {
  const plain = { BIAS: 0, PRE: 0, SLOPE: 0, RESIDUAL: 0, SUMS: 0, GELU: 0, ACCUMULATE: false };
  const types = { A_TYPE: "f16", B_TYPE: "f16", C_TYPE: "f32", VEC4: true };
  const all = { ...plain, ...types, ...defines };
  const { code } = preprocess(shaders, "matmul/subgroup_matrix", all, { immediates: true });
  device.pushErrorScope("validation");
  const module = device.createShaderModule({ code });
  // Its 16 KiB of workgroup memory hold the smallest form only.
  if (defines.TILE === 64 && defines.UNIT_M === 8 && defines.LANES === 32) {
    device.createComputePipeline({ layout: "auto", compute: { module, entryPoint: "main" } });
  }
  const info = await module.getCompilationInfo();
  const error = await device.popErrorScope();
  const found = info.messages.map(
    ({ lineNum, message }) => `${lineNum}: ${message}\n${code.split("\n")[lineNum - 1]}`,
  );
  return error ? [error.message, ...found] : found;
}

describe("matmul/subgroup_matrix", () => {
  it.each([
    [false, false],
    [false, true],
    [true, false],
    [true, true],
  ])("compiles with transposeA %s, transposeB %s", async (transposeA, transposeB) => {
    for (const tile of [64, 128] as const) {
      for (const unit of ["16x16x16", "16x8x16", "8x8x8"]) {
        for (const lanes of [32, 64]) {
          const variant = subgroupMatrix(tile, lanes, unit).defines?.(tile);
          const defines = { ...variant, TRANSPOSE_A: transposeA, TRANSPOSE_B: transposeB };
          expect(await complaints(defines), `${tile} ${unit}`).toEqual([]);
        }
      }
    }
  });

  it("compiles with an epilogue and an f16 result", async () => {
    const variant = subgroupMatrix(64, 32, "16x16x16").defines?.(64);
    const epilogue = { BIAS: 3, PRE: 4, RESIDUAL: 5, GELU: 1, C_TYPE: "f16" };
    expect(await complaints({ ...variant, ...epilogue, TRANSPOSE_A: false, TRANSPOSE_B: true })).toEqual([]);
  });
});

describe("an adapter's subgroup matrices", () => {
  it("are those with f16 operands and f32 results", () => {
    const config = (componentType: string, resultComponentType: string) => ({
      componentType,
      resultComponentType,
      M: 16,
      N: 8,
      K: 16,
    });
    const info = { subgroupMatrixConfigs: [config("f16", "f16"), config("f16", "f32"), config("u8", "u32")] };
    expect(subgroupMatricesOf(info as unknown as GPUAdapterInfo)).toEqual([{ m: 16, n: 8, k: 16 }]);
    expect(subgroupMatricesOf({} as GPUAdapterInfo)).toEqual([]);
  });
});
