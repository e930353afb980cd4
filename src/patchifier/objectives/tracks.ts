// `tracks`: two crops of one recording belong together, crops of others do not (contrast between views, as CLMR and Myna do). Each view
// keeps a tenth of its patches, with a random gain and a smooth random equaliser, so that neither loudness nor mastering tells;
// pitch and tempo stay. The mean of the visible tokens goes through a small projector that is thrown away. Pairs of one track
// within a batch are no rivals.

import { add, mul, sub } from "../../ops/binary.js";
import { fuse } from "../../ops/fuse.js";
import { indexSelect } from "../../ops/gather.js";
import { crossEntropy } from "../../ops/losses.js";
import { matmul } from "../../ops/matmul.js";
import { slice } from "../../ops/move.js";
import { normalize } from "../../ops/normalize.js";
import { mean, sum } from "../../ops/reduce.js";
import { unary } from "../../ops/unary.js";
import { reshape, transpose } from "../../ops/view.js";
import type { Gpu } from "../../tensor/gpu.js";
import type { Random } from "../../tensor/random.js";
import type { Tensor } from "../../tensor/tensor.js";
import { linearOf, linearSpecs } from "../blocks.js";
import { type ModelConfig, patchGrid } from "../config.js";
import { maskedCount, uniformMask } from "../masks.js";
import {
  type Drawn,
  type Losses,
  type Music,
  type Objective,
  type ObjectiveBatch,
  type ObjectiveKind,
  type ObjectiveOptions,
  type Place,
  settingWords,
} from "./objective.js";

/** Settings of the objective `tracks`. */
export interface TrackSettings {
  /** Pairs of crops in a step. */
  pairs: number;
  /** Share of each crop's patches that is dropped. */
  dropped: number;
  /** Values that are compared. */
  projected: number;
  /** Cosines are divided by it. */
  temperature: number;
  /** Spread of the gain in decibels. */
  gain: number;
  /** Spread in decibels of each of the equaliser's slow waves over the mels. */
  equaliser: number;
}

declare module "../config.js" {
  interface PretrainConfig {
    /** Settings of `tracks`; absent: its defaults. */
    tracks?: TrackSettings;
  }
}

/** What is taken where a plan says nothing. */
export const trackSettings: TrackSettings = {
  ...{ pairs: 128, dropped: 0.9, projected: 128, temperature: 0.1, gain: 4, equaliser: 3 },
};

/** Waves of the equaliser over the mels. */
const waves = 3;
/** What a similarity becomes where both pairs are of one track. */
const excluded = 1e9;

const logRivals = fuse((same, pairs) => pairs.sub(same).log());

class TrackContrast implements Objective {
  private readonly keep: number;

  constructor(
    private readonly gpu: Gpu,
    private readonly options: ObjectiveOptions,
    private readonly settings: TrackSettings,
  ) {
    const { tokens } = patchGrid(options.config);
    this.keep = tokens - maskedCount(tokens, settings.dropped);
  }

  /** Patches of the views that stay [2·pairs, keep, P], their numbers, and which pairs are of one track [pairs, pairs]. */
  inputs(_masked: readonly Int32Array[], tokens: number, drawn?: Drawn): Record<string, Tensor> {
    const { gpu, keep } = this;
    const { pairs } = this.settings;
    const { values } = patchGrid(this.options.config);
    const patches = new Float32Array(2 * pairs * keep * values);
    const numbers = new Int32Array(2 * pairs * keep);
    const same = new Float32Array(pairs * pairs);
    if (drawn) {
      const { music, random } = drawn;
      const first = Array.from({ length: pairs }, () => music.place(random));
      const second = first.map(({ track }) => this.elsewhere(music, track, random));
      [...first, ...second].forEach((place, view) => {
        const kept = uniformMask(random, tokens, keep);
        numbers.set(kept, view * keep);
        this.view(music, place, kept, random, patches.subarray(view * keep * values));
      });
      for (let i = 0; i < pairs; i++) {
        for (let j = 0; j < pairs; j++) {
          if (i !== j && first[i].track === first[j].track) same[i * pairs + j] = 1;
        }
      }
    }
    return {
      viewPatches: gpu.tensor(patches, [2 * pairs, keep, values]),
      viewNumbers: gpu.tensor(numbers, [2 * pairs * keep]),
      sameTrack: gpu.tensor(same, [pairs, pairs]),
    };
  }

  losses({ extra }: ObjectiveBatch): Losses {
    const { gpu, settings } = this;
    const { model } = this.options;
    const { weights } = model;
    const { pairs, temperature } = settings;
    const { viewPatches, viewNumbers, sameTrack } = extra;
    const embedded = model.embedPatches(viewPatches);
    const positions = indexSelect(weights("pos_embed"), viewNumbers, { dim: 0 });
    const encoded = model.transform(add(embedded, reshape(positions, embedded.shape)));
    const hidden = unary.relu([linearOf(mean(encoded, { dim: 1 }), weights, "heads.track.0")], {});
    const projected = normalize(linearOf(hidden, weights, "heads.track.2"));
    const [a, b] = [slice(projected, [[0, pairs]]), slice(projected, [[pairs, 2 * pairs]])];
    const cosines = mul(matmul(a, b, { transposeB: true }), 1 / temperature);
    const scores = sub(cosines, mul(sameTrack, excluded));
    const own = gpu.tensor(
      Int32Array.from({ length: pairs }, (_, i) => i),
      [pairs],
    );
    const both = add(crossEntropy(scores, own), crossEntropy(transpose(scores), own));
    const trackContrast = mul(both, 0.5);
    const guessing = gpu.noGrad(() => mean(logRivals(sum(sameTrack, { dim: 1 }), gpu.full([pairs], pairs))));
    return { loss: trackContrast, trackContrast, trackGuess: guessing };
  }

  /** Anywhere else in the track, every frame as likely as any other. */
  private elsewhere(music: Music, track: number, random: Random): Place {
    const { cropFrames } = this.options.config;
    return { track, start: random.integer(Math.max(1, music.tracks[track].frames - cropFrames + 1)) };
  }

  /** Writes a view's kept patches, louder or softer by mel: log10(1 + G·s) becomes log10(1 + G·s·10^(dB/10)), and normalised. */
  private view(music: Music, place: Place, kept: Int32Array, random: Random, out: Float32Array): void {
    const { config, normalisation } = this.options;
    const { frontEnd, cropFrames, patchMels, patchFrames } = config;
    const { rows } = patchGrid(config);
    const { nMels } = frontEnd;
    const mel = new Float32Array(nMels * cropFrames);
    music.read(place, cropFrames, mel, 0);
    const factors = this.factors(nMels, random);
    let at = 0;
    for (const token of kept) {
      const [column, row] = [Math.floor(token / rows), token % rows];
      for (let m = row * patchMels; m < (row + 1) * patchMels; m++) {
        for (let f = column * patchFrames; f < (column + 1) * patchFrames; f++) {
          const power = (10 ** mel[m * cropFrames + f] - 1) * factors[m];
          out[at++] = (Math.log10(1 + Math.max(0, power)) - normalisation.mean) / (2 * normalisation.std);
        }
      }
    }
  }

  private factors(nMels: number, random: Random): Float64Array {
    const { gain, equaliser } = this.settings;
    const level = gain * random.normal();
    const sizes = Array.from({ length: waves }, () => equaliser * random.normal());
    return Float64Array.from({ length: nMels }, (_, m) => {
      const decibels = sizes.reduce(
        (total, size, k) => total + size * Math.cos((Math.PI * (k + 1) * (m + 0.5)) / nMels),
        level,
      );
      return 10 ** (decibels / 10);
    });
  }
}

/** An encoder that is trained for minutes gets half as many pairs. */
const settingsOf = ({ width }: { width: number }, tracks: TrackSettings | undefined): TrackSettings =>
  tracks ?? { ...trackSettings, pairs: width <= 128 ? 64 : trackSettings.pairs };

export const tracks: ObjectiveKind = {
  name: "tracks",
  parts: [
    {
      name: "trackContrast",
      title: "Contrast of tracks",
      words:
        "How well a crop is told to belong to another of its track and not to those of the other tracks.",
      trained: true,
      chance: ({ trackGuess }) => trackGuess,
    },
    {
      name: "trackGuess",
      title: "Contrast of tracks by guessing",
      words: "The logarithm of how many tracks there are to choose from.",
      trained: false,
      fromZero: true,
    },
  ],
  defaults: (model: ModelConfig) => ({ tracks: settingsOf(model, undefined) }),
  settings: ({ tracks }) => settingWords("tracks", tracks),
  specs: ({ width }, _config, pretrain) => [
    ...linearSpecs("heads.track.0", width, width),
    ...linearSpecs("heads.track.2", width, settingsOf({ width }, pretrain.tracks).projected),
  ],
  create: (gpu, options) =>
    new TrackContrast(gpu, options, settingsOf(options.config, options.pretrain.tracks)),
};
