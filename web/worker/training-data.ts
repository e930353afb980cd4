// What a step draws its crops from: the library's clips, divided by piece into those that are trained on and those that are held
// out, and what values are normalised by. Not here: the clips (library.ts) or the steps (training.ts).
import {
  CropSampler,
  type CropSource,
  normalisation,
  randomAt,
  splitByPiece,
} from "../../src/data/batches.js";
import { UsageError } from "../../src/gpu/errors.js";
import type { Music } from "../../src/patchifier/objectives.js";
import type { Random } from "../../src/tensor/random.js";
import type { RunState } from "./files.js";
import type { Library } from "./library.js";

export class TrainingData implements CropSource {
  private train: CropSampler | undefined;
  heldOut: CropSampler | undefined;

  constructor(private readonly library: Library) {}

  /** Whether there is anything to train on. */
  get any(): boolean {
    return this.train !== undefined;
  }

  get music(): Music | undefined {
    return this.train?.music;
  }

  draw(random: Random, batch: number): Float32Array<ArrayBuffer> {
    return this.sampler.draw(random, batch);
  }

  /**
   * Takes the clips as they are now. Before the first step the held-out pieces are drawn anew, as a run in Node draws them;
   * after it a piece that was held out stays so, and new ones are trained on.
   */
  refresh(state: RunState, begun: boolean): void {
    const { tracks } = this.library;
    if (!begun) {
      const split = splitByPiece(tracks, state.seed);
      state.heldOut = [...new Set(split.heldOut.map((i) => tracks[i].piece))];
    }
    const held = new Set(state.heldOut);
    const all = [...tracks.keys()];
    const train = all.filter((i) => !held.has(tracks[i].piece));
    const heldOut = all.filter((i) => held.has(tracks[i].piece));
    const { cropFrames } = state.model;
    const over = (members: number[]) =>
      members.length > 0 ? new CropSampler(this.library, members, cropFrames) : undefined;
    this.train = over(train.length > 0 ? train : heldOut);
    this.heldOut = over(heldOut);
  }

  /** Mean and spread of what is trained on. */
  normalisation(seed: number): { mean: number; std: number } {
    return normalisation(this.sampler, randomAt(seed, "split", 1));
  }

  private get sampler(): CropSampler {
    if (!this.train) {
      throw new UsageError("There is no music: add files, record something, or load the demo music.");
    }
    return this.train;
  }
}
