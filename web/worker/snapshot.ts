// The encoder as it was at one step, beside the one that trains: what is embedded by it goes together, however far training has
// gone meanwhile. It computes vectors of windows in short turns. Not here: which windows, or what is done with them.
import type { ModelConfig } from "../../src/patchifier/config.js";
import { encoderSizes, Patchifier } from "../../src/patchifier/encoder.js";
import type { FrameMajorMel } from "../../src/patchifier/front-end.js";
import { CropEncoder } from "../../src/probe/crop-encoder.js";
import { melsInMemory } from "../../src/probe/features.js";
import type { Gpu } from "../../src/tensor/gpu.js";
import { Random } from "../../src/tensor/random.js";
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
  private readonly crops: CropEncoder;

  constructor(
    trainer: Trainer,
    /** Updates that the weights have had. */
    readonly step: number,
    private readonly turns: Turns,
    batch: number,
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
    // By copies: the trainer's may change before the first batch is recorded.
    const own = { model: this.model, normalisation: this.normalisation };
    this.crops = new CropEncoder(this.encoder, { ...own, batch, whole: true });
  }

  /** Vectors [windows, width] of each recording's windows. */
  async embed(
    recordings: readonly Windows[],
    onProgress?: (done: number, total: number) => void,
  ): Promise<Float32Array[]> {
    const { width, frontEnd } = this.model;
    const mels = melsInMemory(
      recordings.map(({ mel }) => mel),
      frontEnd.nMels,
    );
    const places = recordings.flatMap(({ starts }, clip) => starts.map((start, i) => ({ clip, start, i })));
    const results = recordings.map(({ starts }) => new Float32Array(starts.length * width));
    const take = (vector: Float32Array, place: number) => {
      const { clip, i } = places[place];
      results[clip].set(vector, i * width);
    };
    const turn = (work: () => Promise<Float32Array>) => this.turns.take(work);
    await this.crops.encode(mels, places, take, { turn, onProgress });
    return results;
  }

  dispose(): void {
    try {
      this.crops.dispose();
      this.encoder.dispose();
    } catch {
      // the device that it was on is gone
    }
  }
}
