// Checks of the optimiser's kernels: the norm of all gradients, clipping, the updates of SGD, Adam and AdamW, the moving average.
import type { Random } from "../tensor/random.js";
import {
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
  uniforms,
} from "./check.js";

const [size, span] = [1004, 128];
const count = size / 4;

function overArena(bound: Trial["bound"], params: Record<string, number> = {}): Trial[] {
  return [{ params: { count, span, ...params }, groups: groupsFor(count, span), bound }];
}

function squareSum(_: KernelUse, random: Random): Trial[] {
  // Chunks of several lengths, the last numbers of which share a vec4 with what is not theirs.
  const lengths = [1024, 1, 96, 7, 130, 259, 1022];
  const starts: number[] = [];
  let next = 0;
  for (const length of lengths) {
    starts.push(next);
    next += 4 * Math.ceil(length / 4) + 8;
  }
  const gradient = normals(random, next);
  const table = Uint32Array.from(lengths.flatMap((length, c) => [starts[c], length]));
  const sums = lengths.map((length, c) => total(length, (i) => gradient[starts[c] + i] ** 2));
  const chunks = lengths.length;
  return [{ params: { chunks }, groups: [chunks], bound: [input(table), input(gradient), output(sums)] }];
}

function clipScale(_: KernelUse, random: Random): Trial[] {
  const partial = uniforms(random, 131, 0, 1);
  const norm = Math.sqrt(total(partial.length, (i) => partial[i]));
  return [0.5, 100].map((most) => ({
    params: { chunks: partial.length, max_norm: most },
    groups: [1] as const,
    bound: [input(partial), output([norm, Math.min(1, most / (norm + 1e-6))])],
  }));
}

function scale(_: KernelUse, random: Random): Trial[] {
  const gradient = normals(random, size);
  const clip = Float32Array.of(3, 0.4);
  return overArena([
    input(clip),
    changed(
      gradient,
      gradient.map((g) => g * clip[1]),
    ),
  ]);
}

function update(use: KernelUse, random: Random): Trial[] {
  const [rule, nesterov, clips] = ["RULE", "NESTEROV", "CLIP"].map((name) => define(use, name));
  const [beta1, beta2, eps, decay] = [0.9, 0.95, 1e-8, 0.05];
  const cases = [
    [2, 0],
    [2, 1],
  ];
  if (clips) cases.push([Number.NaN, 0], [Number.POSITIVE_INFINITY, 0]);
  return cases.flatMap(([norm, first]) => {
    const clip = Float32Array.of(norm, 0.7);
    const [gradient, value, m] = [size, size, size].map((length) => normals(random, length));
    const v = uniforms(random, size, 0.01, 1);
    const now = Float32Array.of(0.01, rule === 0 ? 0.01 : 0.02, rule === 0 ? 1 : 1.4, first);
    const wanted = { value: new Float64Array(size), m: new Float64Array(size), v: Float64Array.from(v) };
    if (!Number.isFinite(norm)) {
      wanted.value.set(value);
      wanted.m.set(m);
    }
    for (let i = 0; i < size && Number.isFinite(norm); i++) {
      let w = value[i];
      let g = gradient[i] * (clips ? clip[1] : 1);
      if (rule === 2) w -= now[0] * decay * w;
      else g += decay * w;
      if (rule === 0) {
        wanted.m[i] = first ? g : beta1 * m[i] + g;
        w -= now[0] * (nesterov ? g + beta1 * wanted.m[i] : wanted.m[i]);
      } else {
        wanted.m[i] = beta1 * m[i] + (1 - beta1) * g;
        wanted.v[i] = beta2 * v[i] + (1 - beta2) * g * g;
        w -= (now[1] * wanted.m[i]) / (Math.sqrt(wanted.v[i]) * now[2] + eps);
      }
      wanted.value[i] = w;
    }
    const moments = [changed(m, wanted.m, 1e-5), changed(v, wanted.v, 1e-5)];
    const bound = [input(gradient), input(clip), input(now), changed(value, wanted.value, 1e-5), ...moments];
    return overArena(bound, { beta1, beta2, rest1: 1 - beta1, rest2: 1 - beta2, eps, decay });
  });
}

function average(_: KernelUse, random: Random): Trial[] {
  const [value, before] = [normals(random, size), normals(random, size)];
  const decay = Math.fround(0.9);
  const after = changed(
    before,
    build(size, (i) => decay * before[i] + (1 - decay) * value[i]),
    1e-5,
  );
  return overArena([input(value), input(Float32Array.of(3, 1)), input(Float32Array.of(decay)), after], {});
}

export const optimChecks: CheckTable = {
  "optim/square_sum": squareSum,
  "optim/clip_scale": clipScale,
  "optim/scale": scale,
  "optim/update": update,
  "optim/average": average,
};
