/// <reference types="vite/types/importMeta.d.ts" />
// Every shader that the engine may make, expanded: what the op table, training, log-mels and probes ask for under the rules of many
// adapters, and every kernel that a tuner may take instead. Work is recorded and not run, so that an adapter's description may say
// what the adapter at hand is not. Not here: compiling them.
import shaders from "melgrad:shaders";
import { LogMel } from "../../src/audio/log-mel.js";
import { resample } from "../../src/audio/resample.js";
import type { Capabilities } from "../../src/gpu/capabilities.js";
import { type Defines, preprocess } from "../../src/gpu/preprocess.js";
import type { Tunable } from "../../src/ops/tuning.js";
import { tunables } from "../../src/ops/tuning-families.js";
import { preset, withPatches } from "../../src/patchifier/config.js";
import { objectiveNames } from "../../src/patchifier/objectives.js";
import { HeadData } from "../../src/probe/grid/data.js";
import { trainHeads } from "../../src/probe/grid/trainer.js";
import type { Gpu } from "../../src/tensor/gpu.js";
import { Trainer } from "../../src/train/trainer.js";
import type { OpCase } from "../ops/case.js";

const tables = import.meta.glob<OpCase[]>("../ops/*.cases.ts", { eager: true, import: "cases" });
const rows = Object.values(tables).flat();

export interface MadeShader {
  /** Shader and defines. */
  key: string;
  shader: string;
  code: string;
}

/** What kernels are chosen by: [subgroup sizes, invocations of a workgroup, whether it is software]. */
const adapters = [
  ...[
    [0, 0, 256, true],
    [0, 0, 1024, true],
    [0, 0, 256, false],
    [0, 0, 1024, false],
  ],
  ...[
    [4, 4, 256, true],
    [8, 8, 1024, true],
    [32, 32, 1024, false],
    [8, 32, 1024, false],
  ],
] as [number, number, number, boolean][];

function described([
  least,
  most,
  maxInvocations,
  software,
]: (typeof adapters)[number]): Partial<Capabilities> {
  return {
    ...{ software, f16: true, subgroups: least > 0, subgroupMinSize: least || 1, subgroupMaxSize: most || 1 },
    ...{ maxInvocations, maxWorkgroupStorage: 64 * maxInvocations },
  };
}

/** All of them, each text once. */
export async function everyShader(gpu: Gpu): Promise<MadeShader[]> {
  const made = new Map<string, { shader: string; defines: Defines }>();
  const { pipelines, tuner, capabilities } = gpu.device;
  const kernel = pipelines.kernel.bind(pipelines);
  pipelines.kernel = (shader, defines = {}) => {
    const result = kernel(shader, defines);
    made.set(result.key, { shader, defines });
    return result;
  };
  const before = { ...capabilities };
  try {
    await probes(gpu);
    for (const shader of ["optim/scale", "half"]) gpu.device.kernel(shader); // one way each
    gpu.device.kernel("lanes", { GROUP: "128u" });
    for (const adapter of adapters) {
      Object.assign(capabilities, described(adapter));
      tuner.ship({}); // forgets what was decided for the adapter before
      for (const row of rows) everyChoice(gpu, () => perform(gpu, row));
      record(gpu, () => frontEnds(gpu));
      trainings(gpu);
    }
  } finally {
    Object.assign(capabilities, before);
    pipelines.kernel = kernel;
  }
  const texts = new Map<string, MadeShader>();
  for (const [key, { shader, defines }] of made) {
    const { code } = preprocess(shaders, shader, defines, { immediates: false });
    if (!texts.has(code)) texts.set(code, { key, shader, code });
  }
  return [...texts.values()];
}

function record(gpu: Gpu, work: () => void): void {
  gpu.device.record(() => gpu.scope(work), "shaders").program.dispose();
}

/** Records work as it is chosen, and again with everything that could be chosen instead. */
function everyChoice(gpu: Gpu, work: () => void): void {
  const { tuner } = gpu.device;
  const choose = tuner.choose;
  const others: (() => void)[] = [];
  const seen = new Set<string>();
  tuner.choose = (asked, shape) => {
    const { family } = tunables.find((each) => each.family.name === asked.name) as Tunable;
    for (const choice of family.candidates(tuner.capabilities, shape as never)) {
      const name = `${family.name} ${family.kernelOf(choice)}`;
      if (seen.has(name)) continue;
      seen.add(name);
      others.push(() => tuner.using(family, choice, () => record(gpu, work)));
    }
    return choose.call(tuner, asked, shape) as ReturnType<typeof asked.rule>;
  };
  try {
    record(gpu, work);
  } finally {
    tuner.choose = choose;
  }
  for (const other of others) other();
}

/** A row of the op table, with its gradient. */
function perform(gpu: Gpu, row: OpCase): void {
  const inputs = row.inputs.map(({ shape, draw, gradient = true }) => {
    const whole = draw === "index" || draw === "mask";
    const tensor = gpu.empty(shape, { dtype: whole ? "i32" : "f32" });
    tensor.requiresGrad = gradient && !whole;
    return tensor;
  });
  const output = row.run(inputs);
  if (output.requiresGrad) output.backward(gpu.empty(output.shape));
}

/** Steps of every objective on both kinds of patches, and of the larger presets, of which a layer is like another. */
function trainings(gpu: Gpu): void {
  const demo = preset("demo");
  const runs = [
    ...objectiveNames.map((objective) => ({ ...demo, pretrain: { ...demo.pretrain, objective } })),
    { ...demo, model: withPatches(demo.model, "grid") },
    preset("small"),
    preset("base"),
  ];
  for (const { model, pretrain } of runs) {
    const trainer = new Trainer(gpu, {
      model: { ...model, layers: 1 },
      pretrain: { ...pretrain, batch: 2 },
      normalisation: { mean: 0, std: 1 },
      seed: 1,
      sampler: { draw: (_, count) => new Float32Array(count * model.frontEnd.nMels * model.cropFrames) },
    });
    trainer.kernels();
    trainer.dispose();
  }
}

function frontEnds(gpu: Gpu): void {
  const waves = gpu.empty([2, 4000]);
  for (const nFft of [256, 400, 512, 1024, 2048]) {
    for (const log of [undefined, { kind: "db", topDb: 80 }] as const) {
      new LogMel(gpu, { nFft, hopLength: nFft / 4, log }).forward(waves);
    }
  }
  resample(waves, 44100, 16000);
}

/** The kernels of heads that are trained side by side: those do not depend on the adapter, and run once, on little. */
async function probes(gpu: Gpu): Promise<void> {
  const [clips, layers, d] = [24, 2, 12];
  const order = Array.from({ length: clips }, (_, i) => i);
  const split = { train: order.slice(0, 12), valid: order.slice(12, 18), test: order.slice(18), dropped: 0 };
  const values = Float32Array.from({ length: clips * layers * d }, (_, i) => Math.sin(i * i));
  const table = { n: clips, d: layers * d, layers, values };
  const schedule = { evaluateEvery: 2, evaluateFirst: true, patience: 1, most: 2 };
  for (const kind of ["classification", "multilabel", "regression"] as const) {
    const labels = order.map((i) =>
      kind === "classification" ? [i % 3] : [i % 2, (i >> 1) % 2, (i >> 2) % 2],
    );
    const task = { kind, classes: ["a", "b", "c"], labels };
    const runs = ([0, "sum"] as const).flatMap((layer) =>
      [0, 8].map((hidden) => ({
        ...{
          standardise: true,
          hidden,
          batch: 4,
          lr: 0.01,
          dropout: 0.5,
          dropInput: layer !== "sum",
          l2: 0.1,
          layer,
        },
      })),
    );
    const data = new HeadData(gpu, task, table, split, true);
    await trainHeads(data, runs, schedule);
    data.dispose();
  }
}
