// What an objective of pre-training is: it turns a batch's patches and masks into losses, and may keep state of its own (a
// teacher) and ask for inputs of its own. The objectives themselves stand beside this file, one each.
import type { GradientClipper } from "../../nn/optim.js";
import type { NamedValues, ParameterSpec } from "../../nn/parameters.js";
import type { Gpu } from "../../tensor/gpu.js";
import type { Random } from "../../tensor/random.js";
import type { Tensor } from "../../tensor/tensor.js";
import type { ModelConfig, PretrainConfig } from "../config.js";
import type { EncoderSizes, Patchifier, Trace } from "../encoder.js";
import type { BatchMask } from "../masks.js";

/** Single numbers: what is brought down, and the parts and measures that the objective's kind names. */
export interface Losses {
  /** What is brought down: one number. */
  loss: Tensor;
  [part: string]: Tensor | undefined;
}

/** A part of the loss, or a measure beside it, by its name in logs; `loss` where there is but one part. */
export interface ObjectivePart {
  /** As in logs. */
  name: string;
  /** Over its curve. */
  title: string;
  /** What it is, in a sentence. */
  words: string;
  /** Whether training brings it down; the others are only reported. */
  trained: boolean;
  /** Curves are drawn from zero. */
  fromZero?: boolean;
  /**
   * What an answer scores that knows nothing of the crop, from what else was measured of the same crops. A part that stays there
   * teaches nothing. Absent where there is no such answer.
   */
  chance?(measured: Readonly<Record<string, number | undefined>>, sizes: ChanceSizes): number | undefined;
  /** A measure of the same crops that the part should get below, and what it is: more than chance, and still nothing learnt. */
  plain?: {
    /** The measure's name. */
    measure: string;
    /** What it is. */
    words: string;
  };
}

/** What chance may depend on. */
export interface ChanceSizes {
  /** Masked patches of a crop. */
  masked: number;
  /** Crops of a batch. */
  batch: number;
  /** The plan. */
  pretrain: PretrainConfig;
}

/** What an objective is given. */
export interface ObjectiveBatch {
  /** Normalised patches [B, T, P]. */
  patches: Tensor;
  /** Which patches are masked. */
  mask: BatchMask;
  /** What `inputs` uploaded. */
  extra: Readonly<Record<string, Tensor>>;
  /**
   * Where this is a part of a batch and the objective compares clips of a batch (`comparesBatch`): the masked patches of the whole
   * batch [n, P], and the row of each of this part's (i32).
   */
  rivals?: {
    /** [n, P]. */
    patches: Tensor;
    /** i32, one for each masked patch of this part. */
    own: Tensor;
  };
}

/** Where a crop lies. */
export interface Place {
  /** Index of the recording. */
  track: number;
  /** Its first frame. */
  start: number;
}

/** The recordings that crops are drawn from, for objectives that ask for more than a step's crops. */
export interface Music {
  /** The recordings. */
  readonly tracks: readonly {
    /** Frames of its log-mel. */
    frames: number;
  }[];
  /** The tracks that may be drawn from. */
  readonly members: readonly number[];
  /** A crop's place: every second of the tracks is as likely as any other. */
  place(random: Random): Place;
  /** Copies `frames` frames into `out` at `offset`, as [nMels, frames], silence after the track's end. */
  read(place: Place, frames: number, out: Float32Array, offset: number): void;
  /** The same of chroma, [12, frames]; absent where it was not computed. */
  chroma?(place: Place, frames: number, out: Float32Array, offset: number): void;
}

/** What a step's crops were drawn from. */
export interface Drawn {
  /** The recordings. */
  music: Music;
  /** Of each crop. */
  places: readonly Place[];
  /** The crops themselves, [B, nMels, frames], before they are normalised. */
  crops: Float32Array;
  /** For further draws; it follows from the seed and the step. */
  random: Random;
}

/** An objective over a model: what a step computes. */
export interface Objective {
  /**
   * What a batch needs beside patches and masks, uploaded: of the same names and shapes for every batch of a size. `masked` are
   * the masked patches of each clip, of `tokens`. Without `drawn`, of the same shapes and without meaning.
   */
  inputs?(masked: readonly Int32Array[], tokens: number, drawn?: Drawn): Record<string, Tensor>;
  /** The losses of a batch. Random draws are made only in training. Must do the same at every call, as captured functions do. */
  losses(batch: ObjectiveBatch, training: boolean, trace?: Trace): Losses;
  /** The masked patches as the model sees them, [B·masked, P] in the units of `patches`; absent where it predicts no pixels. */
  reconstruct?(batch: ObjectiveBatch): Tensor;
  /** Runs after each update of the weights, within the same captured function; `clipper` knows whether that update was skipped. */
  updated?(clipper?: GradientClipper): void;
  /** What a checkpoint must hold beside weights and optimiser; absent where the seed and the step say it all. */
  state?(): Promise<NamedValues>;
  /** Takes back what `state` gave. */
  restore?(state: NamedValues): void;
  /** Whether the losses of a clip depend on the masked patches of the batch's other clips. */
  readonly comparesBatch?: boolean;
  /** Bytes that it keeps on the device. */
  readonly bytes?: number;
  /** Gives its memory back. */
  dispose?(): void;
}

/** What an objective is made from. */
export interface ObjectiveOptions {
  /** With the parameters of the objective. */
  model: Patchifier;
  /** Its settings. */
  config: ModelConfig;
  /** The plan. */
  pretrain: PretrainConfig;
  /** Of what is drawn. */
  seed: number;
  /** What values are normalised by: (x − mean)/(2·std). */
  normalisation: {
    /** Of all values. */
    mean: number;
    /** Standard deviation of all values. */
    std: number;
  };
  /** What is trained on, where it is known. */
  music?: () => Music | undefined;
  /** Updates done so far, asked at every run of a captured function. */
  step(): number;
  /** Which part of a divided batch is being computed, asked at every run of a captured function. Absent: there is but one. */
  part?(): number;
}

/** All that is to be known of an objective; each of the files beside this one exports one. */
export interface ObjectiveKind {
  /** What `--objective` takes. */
  readonly name: string;
  /** Its parts and measures, in the order in which they are shown. */
  readonly parts: readonly ObjectivePart[];
  /** What it sets in a preset's plan: what is masked, and settings of its own. Some follow from the steps. */
  defaults(model: ModelConfig, pretrain: PretrainConfig): Partial<PretrainConfig>;
  /** Settings of a plan that are this objective's alone, for people: label → value. */
  settings(pretrain: PretrainConfig): Record<string, string | number>;
  /** Whether it asks for the chroma of recordings (Music.chroma). */
  readonly needsChroma?: boolean;
  /** What is to be known where its reconstructions are drawn. */
  readonly reconstructionNote?: string;
  /** Parameters that are trained beside the encoder's. */
  specs(sizes: EncoderSizes, config: ModelConfig, pretrain: PretrainConfig): ParameterSpec[];
  /** The objective over a model that has its parameters. */
  create(gpu: Gpu, options: ObjectiveOptions): Objective;
}

/** A number that goes from one value to another over a run's first steps, and stays there. */
export interface Course {
  /** At the first step. */
  from: number;
  /** At the end. */
  to: number;
  /** How many steps it takes. */
  steps: number;
}

/** Settings of an objective as label → value: `codeWidth` becomes "name: code width", a course "from → to over n steps". */
export function settingWords(name: string, settings: object | undefined): Record<string, string | number> {
  return Object.fromEntries(
    Object.entries(settings ?? {}).map(([key, value]: [string, unknown]): [string, string | number] => {
      const label = `${name}: ${key.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)}`;
      if (typeof value === "number" || typeof value === "string") return [label, value];
      const { from, to, steps } = value as Course;
      return [label, `${from} → ${to} over ${steps} steps`];
    }),
  );
}
