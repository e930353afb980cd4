// What the engine uses beyond what every WebGPU adapter has by the specification: each such thing is listed here with what turns
// it on and what is done without it, nothing else is used, and on an adapter with none of them every kernel is accepted.
// Also what shaders may not rely on though the language has it: lanes that leave a loop at different turns before a subgroup
// operation, and infinities or NaN as f32 constants.
import shaders from "melgrad:shaders";
import { describe, expect, it } from "vitest";
import { wantedFeatures, wantedLimits } from "../../src/gpu/capabilities.js";
import { type Less, useLess } from "../support/adapters.js";
import { type ExpandedKernel, recordKernels } from "../support/kernels.js";

/** Gate → the directive of shaders behind it, if any, and the fallback. */
const features: Record<string, { directive?: string; fallback: string }> = {
  subgroups: {
    directive: "enable subgroups;",
    fallback:
      "teams of one invocation or a workgroup; products by register or shared tiles; attention row by row",
  },
  "shader-f16": { directive: "enable f16;", fallback: "half-precision tensors are refused; all else is f32" },
  "timestamp-query": { fallback: "the profiler times submissions" },
  "chromium-experimental-subgroup-matrix": {
    directive: "enable chromium_experimental_subgroup_matrix;",
    fallback: "products of f16 by shared tiles",
  },
};
const language: Record<string, { directive: string; fallback: string }> = {
  immediate_address_space: {
    directive: "requires immediate_address_space;",
    fallback: "parameters in a uniform buffer",
  },
};
/** Asked for at the adapter's maximum, with the value that every adapter has: sizes beyond it are refused or cut up. */
const limits: Record<(typeof wantedLimits)[number], number> = {
  maxStorageBufferBindingSize: 134217728,
  maxBufferSize: 268435456,
  maxComputeInvocationsPerWorkgroup: 256,
  maxComputeWorkgroupSizeX: 256,
  maxComputeWorkgroupSizeY: 256,
  maxComputeWorkgroupStorageSize: 16384,
  maxStorageBuffersPerShaderStage: 8,
};

const directives = [...Object.values(features), ...Object.values(language)].map(({ directive }) => directive);
const headOf = ({ code }: ExpandedKernel) =>
  code.split("\n").filter((line) => /^\s*(enable|requires)\b/.test(line));
const bare = (code: string) => code.replace(/\/\/.*$/gm, "");

/** What a kernel uses, by words that only exist with a feature. */
const uses: Record<string, RegExp> = {
  "enable subgroups;": /\b(subgroup(?!_uniformity|_matrix|Matrix)[A-Z_]\w*|quad[BS]\w+|num_subgroups)\b/,
  "enable f16;": /\bf16\b|\b\d[\d.]*h\b/,
  "enable chromium_experimental_subgroup_matrix;": /\bsubgroup(_matrix|Matrix)\w*/,
  "requires immediate_address_space;": /var<immediate>/,
};

const minimum: Less = {
  without: "all",
  defaultLimits: true,
  withoutLanguage: [
    ...["immediate_address_space", "packed_4x8_integer_dot_product", "unrestricted_pointer_parameters"],
    ...["pointer_composite_access", "readonly_and_readwrite_storage_textures", "subgroup_id"],
    ...["uniform_buffer_standard_layout", "linear_indexing"],
  ],
};

it("asks for no feature and no limit that has no line here", () => {
  expect([...wantedFeatures].sort()).toEqual(Object.keys(features).sort());
  expect([...wantedLimits].sort()).toEqual(Object.keys(limits).sort());
});

describe.each<[string, Less]>([
  ["the adapter as it is", {}],
  ["as hardware", { options: { software: false } }],
  ["with subgroups of several sizes", { info: { subgroupMinSize: 4, subgroupMaxSize: 32 } }],
])("%s", (_, less) => {
  const gpu = useLess(less);

  it("kernels say what they use, and use nothing else", () => {
    const kernels = recordKernels(gpu());
    expect(kernels.length).toBeGreaterThan(100);
    const wrong: string[] = [];
    for (const kernel of kernels) {
      const head = headOf(kernel);
      const body = bare(kernel.code.split("\n").slice(head.length).join("\n"));
      for (const directive of head)
        if (!directives.includes(directive)) wrong.push(`${kernel.key}: ${directive}`);
      for (const [directive, pattern] of Object.entries(uses)) {
        if (pattern.test(body) !== head.includes(directive)) wrong.push(`${kernel.key}: ${directive}`);
      }
      if (/diagnostic/.test(body) && !head.includes("enable subgroups;"))
        wrong.push(`${kernel.key}: diagnostic`);
    }
    expect(wrong).toEqual([]);
  });

  it("lanes of a subgroup take the same number of turns in every loop of a kernel with subgroup operations", () => {
    const wrong = recordKernels(gpu()).flatMap(({ key, code }) =>
      laneLoops(code).map((loop) => `${key}: ${loop}`),
    );
    expect(wrong).toEqual([]);
  });
});

describe("an adapter with nothing beyond the specification", () => {
  const gpu = useLess({ ...minimum, options: { software: false } });
  const softly = useLess(minimum);

  it("is opened as such", () => {
    const { capabilities, gpu: device } = gpu().device;
    expect(device.features.has("subgroups" as GPUFeatureName)).toBe(false);
    for (const [name, value] of Object.entries(limits)) {
      expect([name, device.limits[name as keyof typeof limits]]).toEqual([name, value]);
    }
    expect(capabilities).toMatchObject({
      subgroups: false,
      f16: false,
      timestamps: false,
      immediates: false,
    });
    expect(capabilities.subgroupMatrices).toEqual([]);
  });

  it.each([
    ["hardware", gpu],
    ["software", softly],
  ] as const)(
    "accepts every kernel that %s takes, without a directive and within its limits",
    async (_, use) => {
      const { gpu: device } = use().device;
      const kernels = recordKernels(use());
      const wrong: string[] = [];
      for (const { key, code, name } of kernels) {
        if (/^\s*(enable|requires|diagnostic)\b/m.test(bare(code))) wrong.push(`${key}: a directive`);
        const size = /@workgroup_size\(([^)]*)\)/
          .exec(code)?.[1]
          .split(",")
          .reduce((n, part) => n * count(part), 1);
        if (!(size && size <= limits.maxComputeInvocationsPerWorkgroup))
          wrong.push(`${key}: ${size} invocations`);
        const bindings = [...code.matchAll(/var<storage/g)].length;
        if (bindings > limits.maxStorageBuffersPerShaderStage) wrong.push(`${key}: ${bindings} buffers`);
        device.pushErrorScope("validation");
        device.createShaderModule({ code, label: name });
        const error = await device.popErrorScope();
        if (error) wrong.push(`${key}: ${error.message}`);
      }
      expect(kernels.length).toBeGreaterThan(100);
      expect(wrong).toEqual([]);
    },
  );
});

describe("the shaders' text", () => {
  it("holds no infinity or NaN as an f32", () => {
    const wrong = Object.entries(shaders).filter(([, text]) =>
      /bitcast<f32>\(\s*(\w*(inf|nan)\w*|-?0x[7f]f\w+)\s*\)/i.test(bare(text)),
    );
    expect(wrong.map(([name]) => name)).toEqual([]);
  });

  it("is free of features outside the kernels that were recorded", () => {
    // half and lanes try a feature out, on devices that say they have it.
    const recorded = new Set([
      "half",
      "lanes",
      "bench/",
      "lib/",
      "attention/",
      "matmul/",
      "loss/infonce",
      "elementwise/cast",
    ]);
    const wrong = Object.entries(shaders).filter(
      ([name, text]) =>
        ![...recorded].some((start) => name.startsWith(start)) &&
        /\bsubgroup(?!_uniformity)|\bf16\b/.test(bare(text)),
    );
    expect(wrong.map(([name]) => name)).toEqual([]);
  });
});

describe("the check of loops", () => {
  const kernel = (body: string) =>
    `fn main(@builtin(x) lane: u32, @builtin(y) local: u32) {\n${body}\nlet s = subgroupAdd(x);\n}`;
  it("leaves alone what comes after the last operation, unless a loop leads back", () => {
    const loop = "for (var i = lane; i < n; i += 8u) { y[i] = s; }";
    expect(laneLoops(`fn main() {\nlet s = subgroupAdd(x);\n${loop}\n}`)).toEqual([]);
    const again = `for (var k = 0u; k < 4u; k++) {\nlet s = subgroupAdd(x);\n${loop}\n}`;
    expect(laneLoops(`fn main() {\n${again}\n}`)).toEqual(["i < n"]);
  });

  it.each<[string, boolean]>([
    ["for (var i = lane; i < n; i += 8u) { x += y[i]; }", true],
    ["let first = lane * 2u;\nfor (var i = first; i < n; i++) { x += y[i]; }", true],
    ["for (var i = 0u; i < y[lane]; i++) { x += 1; }", true],
    ["for (var at = 0u; at < n; at += 8u) { let i = min(at + lane, n - 1u); x += y[i]; }", false],
    ["let row = local / 8u;\nfor (var i = row; i < n; i++) { x += y[i]; }", false],
    ["var x = y[lane];\nlet top = subgroupMax(x);\nfor (var i = 0u; i < u32(top); i++) { x += 1; }", false],
  ])("%s", (body, found) => {
    expect(laneLoops(kernel(body)).length > 0).toBe(found);
  });
});

function count(text: string): number {
  const product = text
    .replaceAll(/[u\s()]/g, "")
    .split("*")
    .reduce((n, factor) => n * Number(factor), 1);
  return product;
}

/** The loops of an entry point whose number of turns differs by lane and after which a subgroup operation is reached. */
function laneLoops(code: string): string[] {
  const text = bare(code);
  const main = text.slice(text.indexOf("fn main("));
  const operation = /\b(subgroup[A-Z]\w*|team_(sum2?|max|max_key)|lane_(sum|max|max_key))\(/;
  if (!/\bsubgroup[A-Z]\w*\(/.test(text)) return [];
  const tainted = new Set(["lane", "local"]);
  // The number of a subgroup in its workgroup, and a team's, are the same for all lanes.
  const uniform = /\bteam\.(index|lanes)\b|\blocal \/ [\w()]+/g;
  const depends = (expression: string) =>
    /\bteam\.lane\b/.test(expression) ||
    [...expression.replace(uniform, "").matchAll(/(?<![.\w])[a-z]\w*/gi)].some(([word]) => tainted.has(word));
  const found: string[] = [];
  const statement =
    /for \((?:var (\w+) = ([^;]*)|[^;]*); ([^;]*);[^{]*\{|(?:let|var) (\w+)(?:: [^=;]+)? = ([^;]*);|(?<=[\s{;])(\w+) (?:[-+*]?=) ([^;]*);/g;
  for (const {
    1: loop,
    2: start,
    3: condition,
    4: name,
    5: value,
    6: target,
    7: added,
    index,
  } of main.matchAll(statement)) {
    if (condition !== undefined) {
      if (loop && depends(start)) tainted.add(loop);
      else if (loop) tainted.delete(loop);
      const later = main.slice(outermostLoop(main, index));
      if (depends(condition) && operation.test(later)) found.push(condition);
      continue;
    }
    const [variable, expression] = name ? [name, value] : [target, added];
    // What a subgroup operation gives is the same for all its lanes, but for shuffles.
    const same = new RegExp(`^(${operation.source}|team_at\\(|tile_\\w+\\()`).test(expression);
    if (depends(expression) && (!same || /^subgroupShuffle/.test(expression))) tainted.add(variable);
    else if (name) tainted.delete(variable);
  }
  return found;
}

/** Where the outermost loop around the place `at` begins; `at` itself where there is none. */
function outermostLoop(text: string, at: number): number {
  let depth = 0;
  let outer = at;
  for (let i = at - 1; i >= 0; i--) {
    if (text[i] === "}") depth++;
    else if (text[i] === "{") {
      if (depth > 0) depth--;
      else if (/\bfor \([^{}]*$/.test(text.slice(0, i))) outer = text.lastIndexOf("for (", i);
    }
  }
  return outer;
}
