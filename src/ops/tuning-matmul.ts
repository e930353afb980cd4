// Matrix products as a family for the tuner: which products share a choice, which kernels and slices are worth measuring, and
// how a choice is written in a table. Not here: the kernels and the rule (matmul-variants.ts), the measurement (tuning.ts).
import type { Capabilities } from "../gpu/capabilities.js";
import type { TunedFamily } from "../gpu/tuner.js";
import {
  chooseMatmul,
  type MatmulChoice,
  type MatmulVariant,
  type ProductShape,
  supportedMatmuls,
  tileOf,
} from "./matmul-variants.js";
import { bucketsOf } from "./tuning-buckets.js";

/** A product as the tuner tells it from others; tensors of its epilogue stand for "there is one". */
export type ProductCase = ProductShape & {
  [part in "bias" | "gelu" | "pre" | "slope" | "residual" | "accumulate" | "sums"]?: unknown;
};

/** The kernels that the adapter can run: those that the rule knows, and the subgroup's with every size of tile. */
function variants(capabilities: Capabilities, shape?: ProductShape): MatmulVariant[] {
  const known = supportedMatmuls(capabilities, shape);
  const subgroup = known.find((variant) => variant.kind === "subgroup");
  if (!subgroup) return known;
  const { kind, lanes } = subgroup;
  const tiles = ([1, 2, 4, 8] as const).flatMap((blocks) =>
    ([1, 2] as const).map((quads): MatmulVariant => ({ kind, lanes, blocks, quads })),
  );
  return [...known.filter((variant) => variant.kind !== kind), ...tiles.filter(isModest)];
}

/** A subgroup's tile has at most 16 vec4 sums in an invocation: more do not stay in registers. */
function isModest(variant: MatmulVariant): boolean {
  return variant.kind !== "subgroup" || variant.lanes * variant.blocks * variant.quads <= 64;
}

const variantName = (variant: MatmulVariant) => Object.values(variant).join("-");

/** Whether something besides storing and adding is done with the result. */
export function isFused({ bias, gelu, pre, slope, residual }: ProductCase): boolean {
  return Boolean(bias || pre || slope || residual || gelu);
}

/** What is measured for a case: its sizes, and that there is an epilogue. */
function withoutTensors(shape: ProductCase): ProductCase {
  const { m, n, k, batch, transposeA, transposeB, half, accumulate, sums } = shape;
  const sizes = { m, n, k, batch, transposeA, transposeB, half };
  return { ...sizes, accumulate: Boolean(accumulate), bias: isFused(shape), sums: Boolean(sums) };
}

const kernelNames = ["plain", "register", "few_rows", "subgroup", "shared", "subgroup_matrix", "sum_slices"];

/** All of the family. */
export const matmulTuning: TunedFamily<ProductCase, MatmulChoice> = {
  name: "matmul",
  version: 1,
  shaders: kernelNames.map((name) => `matmul/${name}`),
  keep: withoutTensors,
  bucket(shape) {
    const { m, n, k, batch = 1, transposeA, transposeB, half, accumulate, sums } = shape;
    const letters = `${transposeA ? "T" : "N"}${transposeB ? "T" : "N"}${half ? "h" : ""}`;
    // What decides which loads are whole vec4s.
    const odd = `${m % 4 ? "m" : ""}${n % 4 ? "n" : ""}${k % 4 ? "k" : ""}`;
    const end = isFused(shape) ? "+" : accumulate ? "=" : "";
    return `${bucketsOf(m, n, k, batch)} ${letters}${odd}${end}${sums ? "s" : ""}`;
  },
  rule: chooseMatmul,
  plainest: () => (["register", "plain"] as const).map((kind) => ({ variant: { kind }, slices: 1 })),
  candidates(capabilities, shape) {
    const { m, n, k, batch = 1 } = shape;
    const size = m * n * k * batch;
    const first = chooseMatmul(capabilities, shape);
    const wanted = capabilities.software ? 8 : 256;
    const choices: MatmulChoice[] = [first];
    for (const variant of variants(capabilities, shape)) {
      if (variant.kind === "plain" && size > 2 ** 21) continue;
      // Workgroup memory is what a software adapter is slowest at, and it compiles those kernels for seconds.
      if (variant.kind === "shared" && capabilities.software) continue;
      const { rows, columns } = tileOf(variant);
      // Twice the tile that the result fills is work for nothing.
      if (variant.kind === "subgroup" && variant.blocks > 1 && variant.lanes * variant.blocks >= 2 * m)
        continue;
      if (variant.kind === "subgroup" && variant.quads > 1 && columns >= 2 * n) continue;
      const groups = Math.ceil(m / rows) * Math.ceil(n / columns) * batch;
      const most = Math.min(Math.floor(wanted / groups), Math.floor(k / 64), 32);
      for (let slices = 1; slices <= Math.max(1, most); slices *= 2) choices.push({ variant, slices });
    }
    const seen = new Set<string>();
    return choices.filter((choice) => {
      const name = this.nameOf(choice);
      return seen.has(name) ? false : seen.add(name);
    });
  },
  nameOf: ({ variant, slices }) => `${variantName(variant)}${slices > 1 ? `/${slices}` : ""}`,
  kernelOf: ({ variant }) => variantName(variant),
  parse(name, capabilities) {
    const [kernel, slices = "1"] = name.split("/");
    const variant = variants(capabilities).find((each) => variantName(each) === kernel);
    return variant && { variant, slices: Number(slices) };
  },
};
