// Where position embeddings start: sines and cosines, as in He et al. 2022, but learnt from there. A masked patch is predicted from its
// neighbours, and which those are is read off these; drawn at random, they first have to become alike where places are near,
// which took several hundred steps in which no objective learnt anything beyond the mean of the clip.
import type { ParameterSpec } from "../nn/parameters.js";

/** Beside embeddings of a standard deviation of about a half. */
const size = 0.3;

/**
 * [tokens, width] for tokens in time-major order, `rows` of them at a time: half the values tell the column and, where there is more
 * than one row, half the row. Periods run from four places to twice their number, by a constant factor.
 */
export function wavePositions(tokens: number, width: number, rows = 1): Float32Array {
  const out = new Float32Array(tokens * width);
  const waves = (places: number, from: number, to: number, placeOf: (token: number) => number) => {
    const pairs = Math.floor((to - from) / 2);
    for (let i = 0; i < pairs; i++) {
      const speed = (Math.PI / 2) * (2 / Math.max(2, places)) ** (i / Math.max(1, pairs - 1));
      for (let token = 0; token < tokens; token++) {
        const angle = speed * placeOf(token);
        out[token * width + from + 2 * i] = size * Math.sin(angle);
        out[token * width + from + 2 * i + 1] = size * Math.cos(angle);
      }
    }
  };
  const columns = tokens / rows;
  const half = rows > 1 ? 2 * Math.floor(width / 4) : width;
  waves(columns, 0, half, (token) => Math.floor(token / rows));
  if (rows > 1) waves(rows, half, width, (token) => token % rows);
  return out;
}

/** A position embedding that starts so. */
export function positionSpec(name: string, tokens: number, width: number, rows?: number): ParameterSpec {
  return { name, shape: [tokens, width], init: () => wavePositions(tokens, width, rows) };
}
