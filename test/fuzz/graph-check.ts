// A graph on a device beside its float64 values: the last node's value and, along one direction through all leaves at once, its
// gradient; eagerly and as a captured function, which have to agree to the last bit. How far off a value may be is measured, not
// guessed: float64 runs in which every value that an operation reads is changed by a few units of float32's last place say how much
// of such a change arrives at the end.
import { hash32 } from "../../src/ops/dropout.js";
import { capture } from "../../src/tensor/capture.js";
import type { Gpu } from "../../src/tensor/gpu.js";
import { Random } from "../../src/tensor/random.js";
import { formatShape, sameShape } from "../../src/tensor/shape.js";
import type { Tensor } from "../../src/tensor/tensor.js";
import { type Results, withGradients } from "../ops/captured.js";
import { evaluate, type Graph, isMoved, leafValues, type Noise, type Values } from "./graph.js";
import { graphOps } from "./graph-ops.js";

/** Relative change of a value that an operation reads: 16 units of float32's last place. */
const noiseSize = 2 ** -20;
const noises: readonly Noise[] = [1, 2, 3].map((seed) => ({ seed, size: noiseSize }));
/** So many times the largest deviation that the noise makes is let pass. */
const factor = 4;
const step = 2 ** -15;

/** What is expected of a graph. */
interface Expected {
  output: Values;
  tolerance: number;
  cotangent: Float32Array;
  /** By leaf node: how far each element is moved for a step of 1. */
  direction: Map<number, Float64Array>;
  slope(step: number, noise?: Noise): number;
}

function expectedOf(graph: Graph): Expected {
  const values = evaluate(graph);
  const output = values[values.length - 1];
  const random = new Random(hash32(graph.length + output.data.length));
  const cotangent = Float32Array.from(output.data, () => random.normal());
  const direction = new Map<number, Float64Array>();
  graph.forEach((node, at) => {
    if (!isMoved(node)) return;
    const sign = () => (random.integer(2) * 2 - 1) * (0.5 + random.uniform());
    direction.set(at, Float64Array.from(values[at].data, sign));
  });
  const last = (noise?: Noise, by = 0): Values => {
    const leaves = new Map<number, Values>();
    for (const [at, along] of direction) {
      const { data, shape } = values[at];
      leaves.set(at, { data: data.map((x, i) => x + by * along[i]), shape });
    }
    return evaluate(graph, { leaves, noise })[graph.length - 1];
  };
  let most = 0;
  for (const x of output.data) most = Math.max(most, Math.abs(x));
  let deviation = 0;
  for (const noise of noises) {
    last(noise).data.forEach((x, i) => {
      deviation = Math.max(deviation, Math.abs(x - output.data[i]));
    });
  }
  const weighed = ({ data }: Values) => data.reduce((total, x, i) => total + x * cotangent[i], 0);
  return {
    ...{ output, cotangent, direction },
    tolerance: factor * deviation + 4e-6 * most + 1e-7,
    slope: (by, noise) => (weighed(last(noise, by)) - weighed(last(noise, -by))) / (2 * by),
  };
}

/** Runs a graph on leaves that are tensors. */
function compute(graph: Graph, leaves: readonly Tensor[], cotangent: Tensor): Results {
  const tensors: Tensor[] = [];
  let next = 0;
  for (const node of graph) {
    tensors.push(
      "leaf" in node
        ? leaves[next++]
        : graphOps[node.op].run(
            node.inputs.map((i) => tensors[i]),
            node.options as never,
          ),
    );
  }
  return withGradients(tensors[tensors.length - 1], leaves, cotangent);
}

/** Graphs on a device, all of them before one readback. Returns what is wrong with each, undefined for nothing. */
export async function checkGraphs(gpu: Gpu, graphs: readonly Graph[]): Promise<(string | undefined)[]> {
  const { device } = gpu;
  const before = { ...device.pool.use };
  const release: (() => void)[] = [];
  const runs = graphs.map((graph): Run | Error => {
    try {
      const expected = expectedOf(graph);
      const leaves = graph.flatMap((node) => {
        if (!("leaf" in node)) return [];
        const { data, shape, integer } = leafValues(node);
        const values = integer ? Int32Array.from(data) : Float32Array.from(data);
        return [gpu.tensor(values, shape, { requiresGrad: isMoved(node) })];
      });
      const cotangent = gpu.tensor(expected.cotangent, [expected.cotangent.length]);
      const eager = gpu.scope(() => compute(graph, leaves, cotangent));
      const inputs = Object.fromEntries([...leaves, cotangent].map((tensor, i) => [`x${i}`, tensor]));
      const run = capture(gpu, (given: Record<string, Tensor>) => {
        const list = Object.keys(inputs).map((name) => given[name]);
        return compute(graph, list.slice(0, -1), list[list.length - 1]);
      });
      run(inputs);
      const captured = run(inputs);
      release.push(() => {
        for (const tensor of [...leaves, cotangent, eager.output, ...eager.gradients]) tensor?.dispose();
        run.dispose();
      });
      return { graph, expected, eager, captured };
    } catch (error) {
      return error instanceof Error ? error : new Error(String(error));
    }
  });
  const wanted = runs.flatMap((run) =>
    run instanceof Error
      ? []
      : [run.eager, run.captured].flatMap(({ output, gradients }) => [output, ...gradients]),
  );
  const tensors = wanted.filter((tensor) => tensor !== undefined);
  const bytes = await device.readMany(tensors.map(({ block, byteLength }) => ({ block, byteLength })));
  const read = new Map(tensors.map((tensor, i) => [tensor, bytes[i]]));
  for (const each of release) each();
  const problems: (string | undefined)[] = runs.map((run) =>
    run instanceof Error ? (run.stack ?? run.message) : problemOf(run, (tensor) => read.get(tensor)),
  );
  const { inUse, arenas } = device.pool.use;
  if (!problems.some((problem) => problem !== undefined) && inUse + arenas !== before.inUse + before.arenas) {
    problems[0] = `${inUse + arenas - before.inUse - before.arenas} bytes stay in use after ${graphs.length} graphs`;
  }
  return problems;
}

interface Run {
  graph: Graph;
  expected: Expected;
  eager: Results;
  captured: Results;
}

function problemOf(
  { graph, expected, eager, captured }: Run,
  bytesOf: (tensor: Tensor) => ArrayBuffer | undefined,
): string | undefined {
  const { output, tolerance, direction } = expected;
  if (!sameShape(eager.output.shape, output.shape)) {
    return `the shape is ${formatShape(eager.output.shape)}, not ${formatShape(output.shape)}`;
  }
  const floats = (tensor: Tensor | undefined) =>
    new Float32Array((tensor && bytesOf(tensor)) ?? new ArrayBuffer(0));
  const got = floats(eager.output);
  for (let i = 0; i < output.data.length; i++) {
    if (!(Math.abs(got[i] - output.data[i]) <= tolerance)) {
      return `output[${i}] is ${got[i]}, not ${output.data[i]} ± ${tolerance}`;
    }
  }
  const pairs = [
    [eager.output, captured.output],
    ...eager.gradients.map((g, i) => [g, captured.gradients[i]]),
  ];
  for (const [i, [one, other]] of pairs.entries()) {
    const [a, b] = [one, other].map((tensor) => new Uint32Array(floats(tensor).buffer));
    if (a.length !== b.length || a.some((word, k) => word !== b[k])) {
      return `captured, ${i === 0 ? "the output" : `gradient ${i - 1}`} has other bits than eagerly`;
    }
  }
  if (!eager.output.requiresGrad) return undefined;
  const leaves = graph.flatMap((node, at) => ("leaf" in node ? [at] : []));
  let slope = 0;
  let length = 0;
  for (const [k, at] of leaves.entries()) {
    const along = direction.get(at);
    if (!along) continue;
    const { gradients } = eager;
    const gradient = floats(gradients[k]);
    if (gradients[k] && gradient.length !== along.length) {
      return `the gradient of node ${at} has ${gradient.length} elements, not ${along.length}`;
    }
    for (let i = 0; i < gradient.length; i++) {
      const part = gradient[i] * along[i];
      slope += part;
      length += part * part;
    }
  }
  if (Number.isNaN(slope)) return "a gradient holds NaN";
  const wanted = expected.slope(step);
  const deviation = Math.max(...noises.map((noise) => Math.abs(expected.slope(step, noise) - wanted)));
  // A slope may be 0 because terms of the cotangent's size cancel within an operation (the cosine of single numbers), which no noise
  // on its operands shows.
  const size = Math.hypot(...expected.cotangent);
  const allowed = factor * deviation + 2e-5 * Math.sqrt(length) + 4e-6 * size + 1e-6;
  if (Math.abs(slope - wanted) <= allowed) return undefined;
  // Where the slope depends on the step there is a kink within it, or it bends too much for differences.
  const finer = expected.slope(step / 16);
  if (Math.abs(finer - wanted) > allowed / 4) {
    if (Math.abs(slope - finer) <= allowed) return undefined;
    const finest = expected.slope(step / 256);
    if (Math.abs(finest - finer) > allowed / 4 || Math.abs(slope - finest) <= allowed) return undefined;
  }
  return `the gradient along a direction through all leaves is ${slope}, not ${wanted} ± ${allowed}`;
}
