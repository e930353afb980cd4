// The smallest model whose patches have the full height, for tests that encode crops. A run's folder with a grid of patches: run-folder.ts.
import type { ModelConfig } from "../../src/patchifier/config.js";

export const frameModel: ModelConfig = {
  frontEnd: { sampleRate: 16000, nFft: 512, hopLength: 512, nMels: 16, gain: 1e4 },
  patchMels: 16,
  patchFrames: 2,
  cropFrames: 16,
  width: 16,
  layers: 1,
  heads: 2,
  mlpRatio: 2,
};
