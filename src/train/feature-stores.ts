// Where vectors of a task's clips are kept in the cache, and by what they are known: an encoder by its weights, its model, the
// normalisation, the pool and the crops; hand-made features by their front end. Hand-made features are computed here too.
import { createHash } from "node:crypto";
import { join } from "node:path";
import { type KeptVectors, VectorStore } from "../data/vector-store.js";
import { cacheFolder } from "../host/cache.js";
import type { NamedValues } from "../nn/parameters.js";
import type { FrontEndConfig, ModelConfig } from "../patchifier/config.js";
import { type EncoderSizes, encoderSpecs, type Patchifier } from "../patchifier/encoder.js";
import { FrontEnd } from "../patchifier/front-end.js";
import { type PoolName, poolSize } from "../probe/feature-pools.js";
import { melStatistics, melsInMemory } from "../probe/features.js";
import { HandFeatures, handNames, handSizes } from "../probe/hand-features.js";
import type { Gpu } from "../tensor/gpu.js";
import type { PassOptions } from "./feature-pass.js";

/** Raised when the same settings come to give other numbers. */
const recipe = 1;

/** How an encoder's vectors are made. */
export interface EncoderRecipe {
  model: ModelConfig;
  normalisation: { mean: number; std: number };
  pool: PoolName;
  /** Most crops of a clip; infinite for all that fit. */
  crops: number;
  /** Frames from crop to crop, where crops are to cover the clip. */
  hop?: number;
}

/** SHA-256 over the names, shapes and values of an encoder's parameters; what an objective trains beside it does not count. */
export async function weightsDigest({ parameters, sizes }: Patchifier): Promise<string> {
  return encoderDigest(await parameters.read(), sizes);
}

/** The same of weights by name. */
export function encoderDigest(weights: NamedValues, sizes: EncoderSizes): string {
  const hash = createHash("sha256");
  for (const { name, shape } of encoderSpecs(sizes)) {
    const { buffer, byteOffset, byteLength } = weights.get(name)?.data ?? new Float32Array();
    hash.update(JSON.stringify([name, shape]));
    hash.update(new Uint8Array(buffer, byteOffset, byteLength));
  }
  return hash.digest("hex");
}

/** All that an encoder's vectors depend on besides the clip. */
export function encoderSettings(weights: string, { model, normalisation, pool, crops, hop }: EncoderRecipe) {
  const { mean, std } = normalisation;
  return {
    kind: "encoder",
    recipe,
    weights,
    model,
    normalisation: { mean, std },
    pool,
    crops: Number.isFinite(crops) ? crops : "all",
    ...(hop === undefined ? {} : { hop }),
  };
}

const folderOf = (cacheDir: string | undefined) => join(cacheFolder(cacheDir), "features");

/** The store of an encoder's vectors. */
export async function encoderStore(
  encoder: Patchifier,
  options: EncoderRecipe,
  cacheDir?: string,
): Promise<VectorStore> {
  const settings = encoderSettings(await weightsDigest(encoder), options);
  const { model, pool } = options;
  return VectorStore.open(folderOf(cacheDir), settings, poolSize(pool, model));
}

type Extra = NonNullable<PassOptions["extras"]>[number];

/** A clip's features that are made without an encoder, with their stores. Dispose it after the pass. */
export interface Baselines {
  extras: Extra[];
  /** Vectors of the log-mel's mean and deviation; and those of handNames one after another, where they were wanted. */
  mel: KeptVectors;
  hand?: KeptVectors;
  dispose(): void;
}

/** Opens the stores of the baselines; `hand` adds all hand-made ones. */
export async function openBaselines(
  gpu: Gpu,
  config: FrontEndConfig,
  { hand: wantHand, cacheDir }: { hand: boolean; cacheDir?: string },
): Promise<Baselines> {
  const folder = folderOf(cacheDir);
  const mel = await VectorStore.open(
    folder,
    { kind: "log-mel mean+std", recipe, frontEnd: config },
    2 * config.nMels,
  );
  const frontEnd = new FrontEnd(gpu, config);
  const extras: Extra[] = [
    {
      kept: mel,
      async compute(waveform) {
        const clip = await frontEnd.transform(waveform);
        return Float32Array.from(melStatistics(melsInMemory([clip], config.nMels), config.nMels).values);
      },
    },
  ];
  if (!wantHand) return { extras, mel, dispose: () => disposeAll(frontEnd, mel) };
  const features = new HandFeatures(gpu);
  const size = handNames.reduce((sum, name) => sum + handSizes[name], 0);
  const hand = await VectorStore.open(folder, { kind: handNames.join(), recipe }, size);
  extras.push({
    kept: hand,
    async compute(waveform) {
      const vectors = await features.transform(waveform);
      return Float32Array.from(handNames.flatMap((name) => [...vectors[name]]));
    },
  });
  return {
    extras,
    mel,
    hand,
    dispose: () => {
      features.dispose();
      hand.close();
      disposeAll(frontEnd, mel);
    },
  };
}

function disposeAll(frontEnd: FrontEnd, mel: VectorStore): void {
  frontEnd.dispose();
  mel.close();
}
