// Checks of matrix products with their epilogues and slices, and of the sums that stand beside them. Every result is compared: at these
// sizes that costs about as much as testing products by random vectors, and finds whatever is wrong in one place alone.

import { gelu, geluSlope } from "../ops/gelu-float64.js";
import { groupsOf } from "../ops/matmul-kernels.js";
import { matmulVariantFamilies } from "../ops/matmul-variants/list.js";
import type { MatmulVariant } from "../ops/matmul-variants/variant.js";
import { fromHalf, toHalf } from "../tensor/half.js";
import type { Random } from "../tensor/random.js";
import {
  type Bound,
  build,
  type CheckTable,
  changed,
  define,
  groupsFor,
  input,
  type KernelUse,
  normals,
  output,
  type Trial,
  total,
} from "./check.js";
import { geluTanh, geluTanhSlope } from "./expression.js";

/** The kernel that these defines are of. */
function variantOf(use: KernelUse): MatmulVariant {
  const family = matmulVariantFamilies.find(({ shader }) => use.shader === `matmul/${shader}`);
  if (!family) throw new Error(`${use.shader} is no product.`);
  return family.ofDefines((name) => define(use, name));
}

/** Numbers as a kernel stores them, and as the formula sees them. */
function stored(values: Float32Array, type: unknown): { bound: Bound; values: Float32Array } {
  if (type !== "f16") return { bound: input(values), values };
  const half = toHalf(values);
  const words = new Uint16Array(2 * Math.ceil(half.length / 2));
  words.set(half);
  return { bound: input(new Uint32Array(words.buffer)), values: fromHalf(half) };
}

/** What is done with the sums, and what is bound for it, by binding. */
function epilogue(use: KernelUse, random: Random, sums: Float64Array, n: number, scale: number) {
  const of = (name: string) => define(use, name);
  const size = sums.length;
  const [slopeOf, formOf] = of("GELU") === 2 ? [geluTanhSlope, geluTanh] : [geluSlope, gelu];
  const [bias, slope, residual, before] = [n, size, size, size].map((length) => normals(random, length));
  const pre = new Float64Array(size);
  const result = build(size, (i) => {
    let x = scale * sums[i];
    if (of("BIAS")) x += bias[i % n];
    pre[i] = x;
    if (of("SLOPE")) x *= slopeOf(slope[i]);
    else if (of("GELU")) x = formOf(x);
    if (of("RESIDUAL")) x += residual[i];
    return of("ACCUMULATE") ? x + before[i] : x;
  });
  const extra = new Map<number, Bound>();
  if (of("BIAS")) extra.set(of("BIAS"), input(bias));
  if (of("PRE")) extra.set(of("PRE"), output(pre, 2e-4));
  if (of("SLOPE")) extra.set(of("SLOPE"), input(slope));
  if (of("RESIDUAL")) extra.set(of("RESIDUAL"), input(residual));
  let c: Bound = of("ACCUMULATE") ? changed(before, result, 2e-4) : output(result, 2e-4);
  if (use.defines.C_TYPE === "f16") {
    const start = stored(before, "f16");
    if (of("ACCUMULATE")) {
      for (let i = 0; i < size; i++) result[i] += start.values[i] - before[i];
    }
    c = { ...start.bound, expected: result, tolerance: 4e-3, half: true };
  }
  return { c, extra };
}

const inOrder = (extra: ReadonlyMap<number, Bound>) =>
  [...extra].sort(([a], [b]) => a - b).map(([, bound]) => bound);

function product(use: KernelUse, random: Random): Trial[] {
  const of = (name: string) => define(use, name) === 1;
  const variant = variantOf(use);
  const [transposeA, transposeB, vec4] = [of("TRANSPOSE_A"), of("TRANSPOSE_B"), of("VEC4")];
  const { sliceUnit: unit = 4 } = variant;
  const few = "ROWS" in use.defines ? define(use, "ROWS") : undefined;
  // Larger than a tile of 128, and odd where nothing moves by vec4.
  const m = few !== undefined ? (few > 2 ? few - 1 : few) : vec4 ? 132 : 131;
  const [n, k] = [vec4 ? 140 : 139, unit > 4 ? 3 * unit : vec4 ? 52 : 51];
  const batch = use.params.batch > 1 ? 2 : 1;
  const slices = use.params.results > use.params.batch ? 2 : 1;
  const kSlice = Math.ceil(Math.ceil(k / unit) / slices) * unit;
  const scale = slices > 1 ? 1 : Math.fround(0.9);
  const a = stored(normals(random, batch * m * k), use.defines.A_TYPE);
  const b = stored(normals(random, batch * k * n), use.defines.B_TYPE);
  const sums = new Float64Array(slices * batch * m * n);
  const sumsOfA = new Float64Array(slices * m);
  for (let slice = 0; slice < slices; slice++) {
    for (let z = 0; z < batch; z++) {
      for (let i = 0; i < m; i++) {
        const row = ((slice * batch + z) * m + i) * n;
        for (let l = slice * kSlice; l < Math.min(k, (slice + 1) * kSlice); l++) {
          const x = a.values[z * m * k + (transposeA ? l * m + i : i * k + l)];
          if (z === 0) sumsOfA[slice * m + i] += x;
          const from = z * k * n + (transposeB ? l : l * n);
          const step = transposeB ? k : 1;
          for (let j = 0; j < n; j++) sums[row + j] += x * b.values[from + j * step];
        }
      }
    }
  }
  const { c, extra } = epilogue(use, random, sums, n, scale);
  if (define(use, "SUMS")) extra.set(define(use, "SUMS"), output(sumsOfA, 2e-4));
  const params = {
    ...{ m, n, k, batch, a_batch: m * k, b_batch: k * n },
    ...{ k_slice: kSlice / 4, results: batch * slices, scale },
  };
  const groups = groupsOf(variant, m, n, batch * slices);
  return [{ params, groups, bound: [a.bound, b.bound, c, ...inOrder(extra)] }];
}

/** The sum of partial products, with the epilogue. */
function sumSlices(use: KernelUse, random: Random): Trial[] {
  const [m, n, slices] = [17, define(use, "VEC4") ? 36 : 35, 3];
  const size = m * n;
  const parts = normals(random, slices * size);
  const sums = build(size, (i) => total(slices, (slice) => parts[slice * size + i]));
  const scale = Math.fround(0.9);
  const { c, extra } = epilogue(use, random, sums, n, scale);
  const params = { m, n, k: 0, batch: 1, a_batch: 0, b_batch: 0, k_slice: 0, results: slices, scale };
  const count = define(use, "VEC4") ? size / 4 : size;
  return [{ params, groups: groupsFor(count), bound: [input(parts), input(parts), c, ...inOrder(extra)] }];
}

function columnSums(use: KernelUse, random: Random): Trial[] {
  const [rows, columns, slices] = [53, 71, 2];
  const width = columns * (define(use, "VEC4") ? 4 : 1);
  const sliceRows = Math.ceil(rows / slices);
  const x = normals(random, rows * width);
  const wanted = new Float64Array(slices * width);
  x.forEach((value, i) => {
    wanted[Math.floor(i / width / sliceRows) * width + (i % width)] += value;
  });
  const groups = [Math.ceil(columns / define(use, "WIDTH")), slices] as const;
  return [{ params: { rows, columns, slice_rows: sliceRows }, groups, bound: [input(x), output(wanted)] }];
}

export const productChecks: CheckTable = {
  ...Object.fromEntries(matmulVariantFamilies.map(({ shader }) => [`matmul/${shader}`, product])),
  "matmul/sum_slices": sumSlices,
  "matmul/column_sums": columnSums,
};
