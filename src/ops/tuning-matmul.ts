// Matrix products as a family for the tuner: which products share a choice, which kernels and slices are worth measuring, and
// how a choice is written in a table. Not here: the kernels (matmul-variants/), the rule (matmul-rule.ts), the measurement (tuning.ts).
import type { TunedFamily } from "../gpu/tuner.js";
import { chooseMatmul, type MatmulChoice } from "./matmul-rule.js";
import { matmulVariantFamilies, supportedMatmuls, worthwhileMatmuls } from "./matmul-variants/list.js";
import { plain } from "./matmul-variants/plain.js";
import { register } from "./matmul-variants/register.js";
import type { ProductShape } from "./matmul-variants/variant.js";
import { bucketsOf } from "./tuning-buckets.js";

/** A product as the tuner tells it from others; tensors of its epilogue stand for "there is one". */
export type ProductCase = ProductShape & {
  [part in "bias" | "gelu" | "pre" | "slope" | "residual" | "accumulate" | "sums"]?: unknown;
};

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

/** All of the family. */
export const matmulTuning: TunedFamily<ProductCase, MatmulChoice> = {
  name: "matmul",
  version: 1,
  shaders: [...matmulVariantFamilies.map(({ shader }) => shader), "sum_slices"].map(
    (name) => `matmul/${name}`,
  ),
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
  plainest: () => [register, plain].map((variant) => ({ variant, slices: 1 })),
  candidates(capabilities, shape) {
    const { m, n, k, batch = 1 } = shape;
    const first = chooseMatmul(capabilities, shape);
    const wanted = capabilities.software ? 8 : 256;
    const choices: MatmulChoice[] = [first];
    for (const variant of worthwhileMatmuls(capabilities, shape)) {
      const { rows, columns } = variant.tile;
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
  nameOf: ({ variant, slices }) => `${variant.name}${slices > 1 ? `/${slices}` : ""}`,
  kernelOf: ({ variant }) => variant.name,
  parse(name, capabilities) {
    const [kernel, slices = "1"] = name.split("/");
    const variant = supportedMatmuls(capabilities).find((each) => each.name === kernel);
    return variant && { variant, slices: Number(slices) };
  },
};
