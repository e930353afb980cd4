// The builds of kernels that are launched outside of operations: probe heads, optimisers, audio. For checks of each of them by itself.
import type { KernelUse } from "../../src/checks/check.js";
import type { Kernel } from "../../src/gpu/pipelines.js";
import type { Defines } from "../../src/gpu/preprocess.js";
import type { Gpu } from "../../src/tensor/gpu.js";

const build = (shader: string, defines: Defines = {}) => ({ shader, defines });

const builds = [
  ...["draw", "adam"].map((name) => build(`probe/${name}`)),
  ...[true, false].flatMap((on) => [
    build("probe/activate", { DROP: on }),
    build("probe/shares", { BACK: on }),
    build("probe/mix", { DRAW: on }),
    build("probe/move", { CLEAR: on }),
  ]),
  ...[0, 1, 2].map((kind) => build("probe/loss", { KIND: kind, WIDTH: 16 })),
  build("probe/back", { WIDTH: 16 }),
  build("probe/mix_back", { WIDTH: 16 }),
  ...[0, 1, 2, 3].map((kind) =>
    build("probe/tally", {
      ...{ KIND: kind, LABEL: kind === 3 ? "vec4<f32>" : "u32", WIDTH: 32, CLASSES: kind === 1 ? 5 : 1 },
    }),
  ),
  build("audio/top_db", { WIDTH: "64u" }),
  ...["audio/resample", "optim/scale"].map((shader) => build(shader)),
  build("optim/average"),
  ...[0, 1, 2].flatMap((rule) =>
    [false, true].map((on) => build("optim/update", { RULE: rule, NESTEROV: on, CLIP: on })),
  ),
];

/** As a check takes them (checks/run.ts). */
export function outsideKernels({ device }: Gpu): Map<KernelUse, Kernel> {
  return new Map(
    builds.map(({ shader, defines }) => {
      const kernel = device.kernel(shader, defines);
      return [{ shader, key: kernel.key, defines, params: {} }, kernel];
    }),
  );
}
