// Which examples the heads of a grid see at which step, and the words that a step's kernels read: a function of the seed, the size of
// the batch and the number of the step, so that a run sees the same whatever is trained beside it.
import { dropoutKey, hash32 } from "../../ops/dropout.js";
import { Random } from "../../tensor/random.js";

/** Words before the indices in what a step reads (shaders/probe/draw). */
export const stepHeader = 8;
/** The index of a row that is not there. */
export const noExample = 0xffffffff;

/** Batches without replacement: `sample` draws each batch anew, `epoch` deals out all examples before any comes again. */
export class HeadBatches {
  private readonly stamps: Uint32Array;
  private order: Uint32Array | undefined;
  private orderEpoch = -1;
  /** Examples of a full batch. */
  readonly size: number;

  constructor(
    readonly examples: number,
    batch: number,
    private readonly seed: number,
    private readonly mode: "sample" | "epoch",
  ) {
    this.size = Math.min(batch, examples);
    this.stamps = new Uint32Array(examples);
  }

  /** Steps of one epoch. */
  get stepsPerEpoch(): number {
    return Math.ceil(this.examples / this.size);
  }

  /** Writes the indices of step `step` (from 0) and returns how many there are. */
  draw(step: number, out: Uint32Array): number {
    return this.mode === "sample" ? this.sample(step, out) : this.deal(step, out);
  }

  /** Floyd's: each set of `size` examples is as likely as any other. */
  private sample(step: number, out: Uint32Array): number {
    const { examples, size, stamps } = this;
    const random = new Random(hash32(this.seed ^ 0x68bc21eb), step);
    const stamp = step + 1;
    for (let k = 0; k < size; k++) {
      const last = examples - size + k;
      const pick = random.integer(last + 1);
      const taken = stamps[pick] === stamp ? last : pick;
      stamps[taken] = stamp;
      out[k] = taken;
    }
    return size;
  }

  private deal(step: number, out: Uint32Array): number {
    const epoch = Math.floor(step / this.stepsPerEpoch);
    if (!this.order || this.orderEpoch !== epoch) {
      this.order = new Random(hash32(this.seed ^ 0x68bc21eb), epoch).permutation(this.examples);
      this.orderEpoch = epoch;
    }
    const from = (step % this.stepsPerEpoch) * this.size;
    const part = this.order.subarray(from, from + this.size);
    out.set(part);
    return part.length;
  }
}

/** Keys under which a step draws what it drops: of the input, and of the hidden layer. */
export function dropKeys(seed: number, step: number): [number, number] {
  const key = hash32(dropoutKey(seed) ^ Math.imul(step + 1, 0x85ebca6b));
  return [key, hash32(key ^ 0xc2b2ae35)];
}
