// The encoder as it was at one step, beside the one that trains: what is embedded by it goes together, however far training has
// gone meanwhile. It computes vectors of windows in short turns. Not here: which windows, or what is done with them.
import { patchify } from "../../src/audio/patches.js";
import type { ModelConfig } from "../../src/patchifier/config.js";
import { encoderSizes, Patchifier } from "../../src/patchifier/encoder.js";
import { copyCrop, type FrameMajorMel } from "../../src/patchifier/front-end.js";
import { type Captured, capture } from "../../src/tensor/capture.js";
import type { Gpu } from "../../src/tensor/gpu.js";
import { Random } from "../../src/tensor/random.js";
import type { Tensor } from "../../src/tensor/tensor.js";
import type { Trainer } from "../../src/train/trainer.js";
import type { Turns } from "./turns.js";

/** Where windows begin in a recording, in frames. */
export interface Windows {
  mel: FrameMajorMel;
  starts: readonly number[];
}

/** Draws nothing: the weights are copied. */
class Blank extends Random {
  override truncatedNormal(): number {
    return 0;
  }

  override uniform(): number {
    return 0.5;
  }
}

export class Snapshot {
  readonly gpu: Gpu;
  readonly model: ModelConfig;
  readonly normalisation: { mean: number; std: number };
  private readonly encoder: Patchifier;
  private readonly program: Captured<{ crops: Tensor }, Tensor>;

  constructor(
    trainer: Trainer,
    /** Updates that the weights have had. */
    readonly step: number,
    private readonly turns: Turns,
    private readonly batch: number,
  ) {
    const { gpu } = trainer;
    const { model, normalisation } = trainer.options;
    this.gpu = gpu;
    this.model = structuredClone(model);
    this.normalisation = { ...normalisation };
    this.encoder = new Patchifier(gpu, encoderSizes(model), new Blank(0), []);
    // The encoder's parameters stand before the objective's.
    const { values } = this.encoder.parameters.arenas;
    gpu.device.copy(trainer.model.parameters.arenas.values, values, values.byteLength);
    const { patchMels, patchFrames } = model;
    const cut = { patchMels, patchFrames, ...normalisation };
    this.program = capture(gpu, ({ crops }) => this.encoder.embed(patchify(crops, cut)), {
      label: "embeddings",
    });
  }

  /** Vectors [windows, width] of each recording's windows. */
  async embed(
    recordings: readonly Windows[],
    onProgress?: (done: number, total: number) => void,
  ): Promise<Float32Array[]> {
    const { batch, model, gpu } = this;
    const { cropFrames, width, frontEnd } = model;
    const { nMels } = frontEnd;
    const size = nMels * cropFrames;
    const places = recordings.flatMap(({ starts }, r) => starts.map((start, i) => ({ r, start, i })));
    const results = recordings.map(({ starts }) => new Float32Array(starts.length * width));
    for (let from = 0; from < places.length; from += batch) {
      const part = places.slice(from, from + batch);
      const crops = new Float32Array(batch * size);
      part.forEach(({ r, start }, i) => {
        copyCrop(recordings[r].mel, nMels, start, cropFrames, crops, i * size);
      });
      const vectors = await this.turns.take(() =>
        gpu.scope(() => this.program({ crops: gpu.tensor(crops, [batch, nMels, cropFrames]) })).data(),
      );
      part.forEach(({ r, i }, k) => {
        results[r].set(vectors.subarray(k * width, (k + 1) * width), i * width);
      });
      onProgress?.(from + part.length, places.length);
    }
    return results;
  }

  dispose(): void {
    try {
      this.program.dispose();
      this.encoder.dispose();
    } catch {
      // the device that it was on is gone
    }
  }
}
