// Loading a model from a run's folder: the weights come back as they were, and each kind of damage is named.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { randomAt } from "../../src/data/batches.js";
import { DataError, UsageError } from "../../src/gpu/errors.js";
import { type SafeTensor, toFloat32, writeSafetensors } from "../../src/io/safetensors.js";
import { preset } from "../../src/patchifier/config.js";
import { encoderSizes, Patchifier } from "../../src/patchifier/encoder.js";
import { toHalf } from "../../src/tensor/half.js";
import { modelFingerprint, serialise, writeCheckpoint } from "../../src/train/checkpoint.js";
import { weightsDigest } from "../../src/train/feature-stores.js";
import { loadModel } from "../../src/train/load-model.js";
import { beginFrom } from "../../src/train/start-from.js";
import { useGpu } from "../support/gpu.js";

const gpu = useGpu();
const root = mkdtempSync(join(tmpdir(), "melgrad-load-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const { model, pretrain } = preset("demo");
const small = { ...model, width: 16, layers: 1, heads: 2 };
const config = {
  format: 1,
  preset: "demo",
  model: small,
  pretrain,
  data: {},
  normalisation: { mean: 0, std: 1 },
  seed: 3,
};
let weights: Awaited<ReturnType<Patchifier["parameters"]["read"]>>;

beforeAll(async () => {
  const trained = new Patchifier(gpu(), encoderSizes(small), randomAt(3, "initialise"));
  weights = await trained.parameters.read();
  trained.dispose();
});

async function run(name: string, { final = true, checkpoint = false, settings = config as object } = {}) {
  const dir = join(root, name);
  mkdirSync(dir);
  writeFileSync(join(dir, "config.json"), JSON.stringify(settings));
  if (final) writeFileSync(join(dir, "model.safetensors"), serialise(weights));
  if (checkpoint) {
    const state = {
      step: 4,
      seed: 3,
      model: modelFingerprint(small),
      data: "",
      normalisation: config.normalisation,
    };
    await writeCheckpoint(join(dir, "checkpoint"), { weights, optimizer: new Map(), state });
  }
  return dir;
}

async function sameWeights(dir: string) {
  const loaded = await loadModel(gpu(), dir);
  const read = await loaded.model.parameters.read();
  loaded.model.dispose();
  for (const [name, { data }] of weights) expect(read.get(name)?.data).toEqual(data);
  return loaded.path;
}

describe("loadModel", () => {
  it("takes the final weights, else the checkpoint's, also by the checkpoint's own folder", async () => {
    const whole = await run("whole", { checkpoint: true });
    expect(await sameWeights(whole)).toBe(join(whole, "model.safetensors"));
    expect(await sameWeights(join(whole, "checkpoint"))).toContain(join("checkpoint", "model.safetensors"));
    const halfway = await run("halfway", { final: false, checkpoint: true });
    expect(await sameWeights(halfway)).toContain("checkpoint");
  });

  it("reads weights of other widths and from other writers, whose tensors begin at odd bytes", async () => {
    const dir = await run("other-writer");
    const path = join(dir, "model.safetensors");
    for (const dtype of ["F32", "F16", "BF16", "F64"] as const) {
      const tensors = [...weights].map(([name, { shape, data }]): [string, SafeTensor] => {
        if (dtype === "F32") return [name, { dtype, shape, data }];
        if (dtype === "F64") return [name, { dtype, shape, data: Float64Array.from(data) }];
        const bits = new Uint32Array(data.buffer, data.byteOffset, data.length);
        const cut = dtype === "F16" ? toHalf(data) : Uint16Array.from(bits, (each) => each >>> 16);
        return [name, { dtype, shape, data: cut }];
      });
      const bytes = writeSafetensors(tensors);
      const start = 8 + Number(new DataView(bytes.buffer).getBigUint64(0, true));
      const header = new TextDecoder().decode(bytes.subarray(8, start)).trimEnd();
      const odd = header.padEnd(header.length + ((7 - (header.length % 4)) % 4));
      expect(odd.length % 4).toBe(3);
      const file = Buffer.alloc(8 + odd.length + bytes.length - start);
      file.writeBigUInt64LE(BigInt(odd.length));
      file.write(odd, 8);
      file.set(bytes.subarray(start), 8 + odd.length);
      writeFileSync(path, file);
      const loaded = await loadModel(gpu(), dir);
      const read = await loaded.model.parameters.read();
      loaded.model.dispose();
      for (const [name, tensor] of tensors) expect(read.get(name)?.data, name).toEqual(toFloat32(tensor));
    }
    writeFileSync(
      path,
      writeSafetensors([["norm.bias", { dtype: "I32", shape: [1], data: Int32Array.of(1) }]]),
    );
    await failing(dir, DataError, /'norm\.bias' is I32: weights are F32, F16, BF16 or F64/);
  });

  const failing = async (dir: string, kind: typeof DataError | typeof UsageError, message: RegExp) => {
    const error = await loadModel(gpu(), dir).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(kind);
    expect((error as Error).message).toMatch(message);
    expect((error as Error).message).not.toContain("\n");
  };

  it("takes an encoder alone as one, and a part of the heads as another model's", async () => {
    const dir = await run("alone");
    const own = [...weights].filter(([name]) => !name.startsWith("heads."));
    writeFileSync(join(dir, "model.safetensors"), serialise(new Map(own)));
    const { model: encoder } = await loadModel(gpu(), dir);
    expect(encoder.parameters.names).toEqual(own.map(([name]) => name));
    const read = await encoder.parameters.read();
    for (const [name, { data }] of own) expect(read.get(name)?.data).toEqual(data);
    const whole = new Patchifier(gpu(), encoderSizes(small), randomAt(4, "initialise"));
    whole.parameters.write(weights);
    expect(await weightsDigest(encoder)).toBe(await weightsDigest(whole));
    const { put } = await beginFrom(gpu(), dir, small);
    const drawn = new Patchifier(gpu(), encoderSizes(small), randomAt(5, "initialise"));
    const before = await drawn.parameters.read();
    await put(drawn);
    for (const [name, { data }] of await drawn.parameters.read()) {
      const from = name.startsWith("heads.") ? before : weights;
      expect(data, name).toEqual(from.get(name)?.data);
    }
    for (const each of [encoder, whole, drawn]) each.dispose();
    const part = new Map([...weights].filter(([name]) => !name.startsWith("heads.contrast")));
    writeFileSync(join(dir, "model.safetensors"), serialise(part));
    await failing(dir, DataError, /lack 'heads\.contrast/);
  });

  it("begins with no encoder of another shape or another front end, and says what differs", async () => {
    const dir = await run("begin");
    const wider = { ...small, width: 32, frontEnd: { ...small.frontEnd, hopLength: 256 } };
    await expect(beginFrom(gpu(), dir, wider)).rejects.toThrow(
      /begin is of another model \(the front end's hopLength 512, this run's 256; width 16, this run's 32\): .*'demo'/,
    );
  });

  it("says what is not a run", async () => {
    await failing(join(root, "nowhere"), UsageError, /There is no/);
    await failing(root, UsageError, /not a run's folder/);
    await failing(await run("empty", { final: false }), DataError, /no weights yet/);
    const lone = join(root, "lone");
    mkdirSync(lone);
    writeFileSync(join(lone, "state.json"), "{}");
    await failing(lone, UsageError, /no config.json|not a run/);
  });

  it("refuses truncated files, wherever they are cut", async () => {
    const dir = await run("cut");
    const path = join(dir, "model.safetensors");
    const bytes = readFileSync(path);
    for (const length of [0, 5, 100, bytes.length - 1]) {
      writeFileSync(path, bytes.subarray(0, length));
      await failing(dir, DataError, /model\.safetensors: .*not a whole safetensors/);
    }
    const saved = await run("cut-checkpoint", { final: false, checkpoint: true });
    writeFileSync(join(saved, "checkpoint", "model.safetensors"), bytes.subarray(0, 1000));
    await failing(saved, DataError, /damaged/);
  });

  it("refuses weights of another model, and broken ones", async () => {
    const wider = { ...config, model: { ...small, width: 32 } };
    await failing(await run("wider", { settings: wider }), DataError, /in the weights but .* in this model/);
    const deeper = { ...config, model: { ...small, layers: 2 } };
    await failing(await run("deeper", { settings: deeper }), DataError, /another model/);
    const other = await run("other", { final: false, checkpoint: true, settings: deeper });
    await failing(other, DataError, /another model/);
    const shallow = { ...config, model: { ...small, layers: 0 } };
    await failing(await run("shallow", { settings: shallow }), DataError, /has no 'blocks\.0/);
    const broken = await run("broken");
    const damaged = new Map(weights);
    const bias = weights.get("norm.bias")!;
    damaged.set("norm.bias", { ...bias, data: bias.data.map(() => Number.NaN) });
    writeFileSync(join(broken, "model.safetensors"), serialise(damaged));
    await failing(broken, DataError, /not finite/);
    writeFileSync(join(broken, "config.json"), "{");
    await failing(broken, DataError, /config\.json cannot be read/);
  });
});
