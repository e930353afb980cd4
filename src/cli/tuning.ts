// Tuning from the command line: what `melgrad doctor --tune` measures (the presets' training steps and the shapes of the
// benchmark), the lines it prints, and the file that a table is shipped as.
import { BenchStep, type StepPlan } from "../bench/step.js";
import { casesOf } from "../bench/suites.js";
import type { BenchCase } from "../bench/types.js";
import type { Tuner } from "../gpu/tuner.js";
import type { TuningOptions, TuningResult } from "../ops/tuning.js";
import { tunables, tune } from "../ops/tuning-families.js";
import { type PresetName, preset } from "../patchifier/config.js";
import type { Gpu } from "../tensor/gpu.js";

export interface FullTuningOptions {
  presets: readonly PresetName[];
  budgetMs?: number;
  onResult(result: TuningResult, done: number, total: number): void;
  onPart(name: string): void;
  signal?: AbortSignal;
}

/** The step that libraries are compared by: 4 clips of 64 tokens, width 128. */
function comparedStep(): StepPlan {
  const { model, pretrain } = preset("demo");
  return { model: { ...model, width: 128, layers: 4, heads: 4 }, pretrain, batch: 4 };
}

/** Measures, as the tuner's mode says, every bucket of the benchmark's kernels and of training steps. */
export async function tuneEverything(gpu: Gpu, options: FullTuningOptions): Promise<TuningResult[]> {
  const { presets, onPart, ...rest } = options;
  const { software } = gpu.device.capabilities;
  const results: TuningResult[] = [];
  const limits = { budgetMs: Number.POSITIVE_INFINITY, ...rest };
  for (const bench of casesOf("kernels", { software })) {
    if (options.signal?.aborted) break;
    if (!/matmul|linear|attention|conv|infonce|softmax|layer_norm|cross_entropy/.test(bench.name)) continue;
    onPart(`${bench.name} ${bench.shape}`);
    results.push(...(await tuneCases(gpu, [bench], limits)));
  }
  const steps = [
    { name: "compared", plan: comparedStep() },
    ...presets.map((name) => {
      const { model, pretrain } = preset(name);
      return { name: name as string, plan: { model, pretrain, batch: pretrain.batch } };
    }),
  ];
  for (const { name, plan } of steps) {
    if (options.signal?.aborted) break;
    onPart(`training step, ${name}`);
    const step = new BenchStep(gpu, plan);
    results.push(...(await tune(gpu, () => step.run("eager"), limits)));
    await gpu.device.finish();
    step.dispose();
    gpu.device.pool.trim();
  }
  return results;
}

/** Measures, as the tuner's mode says, what these cases ask for. */
export async function tuneCases(
  gpu: Gpu,
  cases: readonly BenchCase[],
  options: TuningOptions = {},
): Promise<TuningResult[]> {
  const results: TuningResult[] = [];
  if (gpu.device.tuner.mode === "off") return results;
  for (const bench of cases) {
    if (bench.name.endsWith("_captured")) continue; // asks for what its eager form asks for
    const prepared = bench.prepare(gpu);
    try {
      results.push(...(await tune(gpu, () => prepared.run(), options)));
    } finally {
      await gpu.device.finish();
      for (const tensor of prepared.tensors) tensor.dispose();
      prepared.dispose?.();
      gpu.device.pool.trim();
    }
  }
  return results;
}

/** One line on a measured bucket. */
export function resultLine({ family, bucket, choice, gain, attempts }: TuningResult): string {
  const tried = attempts.map(
    ({ choice: name, ms, reason }) => `${name} ${ms ? `${ms.toPrecision(3)} ms` : reason}`,
  );
  const verdict = choice === "" ? "the rule's" : `${choice}, ${gain.toFixed(2)} times the rule's speed`;
  return `${family} ${bucket}: ${verdict} (${tried.join("; ")})`;
}

/** What is known of kernels on this adapter: for the doctor. */
export interface TuningState {
  shipped: number;
  measured: number;
  vetoed: { family: string; kernel: string; reason: string }[];
  /** Families whose tables are of other shaders than these. */
  outdated: string[];
  notes: string[];
}

export function tuningState(tuner: Tuner): TuningState {
  const state: TuningState = { ...tuner.counts(), vetoed: [], outdated: [], notes: [...tuner.notes] };
  for (const { family } of tunables) {
    const vetoes = Object.entries(tuner.vetoesOf(family) ?? {});
    state.vetoed.push(...vetoes.map(([kernel, reason]) => ({ family: family.name, kernel, reason })));
    for (const table of tuner.outdated(family)) state.outdated.push(`${family.name} (${table})`);
  }
  return state;
}

export function tuningLines({ shipped, measured, vetoed, outdated, notes }: TuningState): string[] {
  return [
    `Choice of kernels: ${shipped} buckets of shapes measured before shipping, ${measured} measured here, the others by rule.`,
    ...vetoed.map(({ family, kernel, reason }) => `  never taken: ${family} ${kernel}: ${reason}`),
    ...(outdated.length > 0
      ? [`  of older shaders and not used: ${outdated.join(", ")}; melgrad doctor --tune on measures anew`]
      : []),
    ...notes.map((note) => `  ${note}`),
  ];
}

/** The source text of a shipped table: src/ops/tuned/NAME.ts. Entries where the rule's choice was the best are kept too. */
export function shippedSource(tuner: Tuner, name: string): string {
  const { adapterName, subgroupMaxSize } = tuner.capabilities;
  const families = Object.entries(tuner.measurements).map(([family, { sources, entries }]) => {
    const lines = Object.entries(entries)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(
        ([bucket, [choice, gain]]) =>
          `        ${JSON.stringify(bucket)}: [${JSON.stringify(choice)}, ${gain}],`,
      );
    return `    ${family}: {\n      sources: ${JSON.stringify(sources)},\n      entries: {\n${lines.join("\n")}\n      },\n    },`;
  });
  return [
    "// Written by `npm run tune`: which kernel was the fastest for each bucket of shapes, and how many times faster than the",
    '// one that the rule takes; "" is the rule\'s. Not to be edited by hand.',
    'import type { ShippedTable } from "./table.js";',
    "",
    "/** What was measured there. */",
    "// biome-ignore format: one bucket a line",
    `export const ${name}: ShippedTable = {`,
    `  adapter: ${JSON.stringify(adapterPart(adapterName))},`,
    `  lanes: ${subgroupMaxSize},`,
    `  measured: ${JSON.stringify(adapterName)},`,
    `  date: ${JSON.stringify(new Date().toISOString().slice(0, 10))},`,
    "  families: {",
    ...families,
    "  },",
    "};",
    "",
  ].join("\n");
}

/** What an adapter's name is known by whatever its version: "llvmpipe" for "llvmpipe-llvm-15-0-6-256-bits (…)". */
function adapterPart(name: string): string {
  return /^[a-z]+/i.exec(name)?.[0].toLowerCase() ?? name.toLowerCase();
}
