// A reference set on disk: its manifest and its tensor files. Everything in it is checked before use (checksums, names,
// shapes), because a set may come from anywhere. Nothing is computed here.
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { DataError, MelgradError } from "../../src/gpu/errors.js";
import { readSafetensors, type SafeTensor } from "../../src/io/safetensors.js";
import { type Shape, sameShape } from "../../src/tensor/shape.js";

/** Values of one named tensor. */
export interface Values {
  shape: Shape;
  data: Float32Array | Int32Array;
}

/** A value that a case expects, with its tolerance. */
export interface Expected extends Values {
  rtol: number;
  atol: number;
  /** Elements [first, last) of the first axis whose tolerance is `zero_gradient_atol` instead. */
  zeroGradient?: { rows: readonly [number, number]; atol: number };
}

/** One line of the manifest. */
interface CaseLine {
  id: string;
  op: string;
  file: string;
  params: Record<string, unknown>;
  inputs: Record<string, Reference>;
  outputs: Record<string, Reference>;
  cotangent?: Reference;
  gradients?: Record<string, Reference>;
  weights?: Record<string, Reference>;
  final_weights?: Record<string, Reference>;
}

interface Reference {
  tensor: string;
  dtype: string;
  shape: Shape;
  rtol?: number;
  atol?: number;
  zero_gradient_rows?: readonly [number, number];
  zero_gradient_atol?: number;
}

/** A case with its tensors. */
export interface GoldenCase {
  id: string;
  op: string;
  params: Record<string, unknown>;
  inputs: Record<string, Values>;
  weights: Record<string, Values>;
  cotangent?: Values;
  /** By group: outputs, gradients, final_weights. */
  expected: Record<"outputs" | "gradients" | "final_weights", Record<string, Expected>>;
}

export class GoldenSet {
  /** What the manifest says of each case; `load` adds the tensors. */
  readonly cases: readonly { id: string; op: string }[];
  private readonly lines: readonly CaseLine[];
  private readonly files: Record<string, { sha256: string }>;
  private readonly opened = new Map<string, Map<string, SafeTensor> | Error>();

  constructor(readonly folder: string) {
    const path = join(folder, "manifest.json");
    if (!existsSync(path))
      throw new DataError(`There is no reference set in ${folder}: manifest.json is missing.`);
    let manifest: { files?: Record<string, { sha256: string }>; cases?: CaseLine[]; format?: number };
    try {
      manifest = JSON.parse(readFileSync(path, "utf8"));
    } catch {
      throw new DataError(`${path} is not JSON.`);
    }
    if (manifest.format !== 1 || !Array.isArray(manifest.cases) || typeof manifest.files !== "object") {
      throw new DataError(`${path} is not the manifest of a reference set of format 1.`);
    }
    this.lines = manifest.cases;
    this.files = manifest.files;
    this.cases = this.lines.map(({ id, op }) => ({ id: String(id), op: String(op) }));
  }

  /** Files that are missing or differ from the manifest's checksum, as sentences. */
  problems(): string[] {
    return Object.keys(this.files).flatMap((file) => {
      const opened = this.open(file);
      return opened instanceof Error ? [opened.message] : [];
    });
  }

  /** The case at `index`, with all its tensors. Throws DataError where something is missing. */
  load(index: number): GoldenCase {
    const line = this.lines[index];
    const tensors = this.open(line.file);
    if (tensors instanceof Error) throw tensors;
    const all = <T>(group: Record<string, Reference> | undefined, read: (reference: Reference) => T) =>
      Object.fromEntries(Object.entries(group ?? {}).map(([name, each]) => [name, read(each)]));
    const values = (reference: Reference) => valuesOf(tensors, reference, line);
    const expected = (reference: Reference) => expectedOf(values(reference), reference, line);
    return {
      id: line.id,
      op: line.op,
      params: line.params ?? {},
      inputs: all(line.inputs, values),
      weights: all(line.weights, values),
      cotangent: line.cotangent && values(line.cotangent),
      expected: {
        outputs: all(line.outputs, expected),
        gradients: all(line.gradients, expected),
        final_weights: all(line.final_weights, expected),
      },
    };
  }

  private open(file: string): Map<string, SafeTensor> | Error {
    let opened = this.opened.get(file);
    if (!opened) {
      try {
        opened = this.read(file);
      } catch (error) {
        if (!(error instanceof MelgradError)) throw error;
        opened = error;
      }
      this.opened.set(file, opened);
    }
    return opened;
  }

  private read(file: string): Map<string, SafeTensor> {
    const entry = this.files[file];
    if (!entry) throw new DataError(`${file} is not among the manifest's files.`);
    const path = join(this.folder, file);
    if (!existsSync(path)) throw new DataError(`${file} is missing.`);
    const bytes = readFileSync(path);
    if (createHash("sha256").update(bytes).digest("hex") !== entry.sha256) {
      throw new DataError(`${file} differs from the manifest's SHA-256.`);
    }
    return readSafetensors(bytes);
  }
}

function valuesOf(tensors: Map<string, SafeTensor>, reference: Reference, line: CaseLine): Values {
  const tensor = tensors.get(reference.tensor);
  if (!tensor) throw new DataError(`${line.file} has no tensor '${reference.tensor}'.`);
  const { data, shape, dtype } = tensor;
  if (dtype !== reference.dtype || !sameShape(shape, reference.shape)) {
    throw new DataError(`'${reference.tensor}' is ${dtype} [${shape}], not as the manifest says.`);
  }
  if (!(data instanceof Float32Array) && !(data instanceof Int32Array)) {
    throw new DataError(`'${reference.tensor}' is ${dtype}; a reference set holds F32 and I32.`);
  }
  return { shape, data };
}

function expectedOf(values: Values, reference: Reference, line: CaseLine): Expected {
  const { rtol, atol, zero_gradient_rows: rows, zero_gradient_atol: zeroAtol } = reference;
  if (typeof rtol !== "number" || typeof atol !== "number") {
    throw new DataError(`${line.id}: '${reference.tensor}' has no tolerance.`);
  }
  const zeroGradient = rows && zeroAtol !== undefined ? { rows, atol: zeroAtol } : undefined;
  return { ...values, rtol, atol, zeroGradient };
}
