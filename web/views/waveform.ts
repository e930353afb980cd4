// A waveform as minima and maxima, kept at several coarsenesses so that any zoom draws a screen's width of columns. No axes.

/** Samples that one entry of the finest table stands for. */
const finest = 64;

export interface WaveformPicture {
  /** Draws the samples `from` to `to` into a rectangle, one column a pixel. */
  draw(
    context: CanvasRenderingContext2D,
    from: number,
    to: number,
    at: { x: number; y: number; width: number; height: number },
    colour: string,
  ): void;
}

export function waveformPicture(samples: Float32Array): WaveformPicture {
  const levels = [tableOf(samples)];
  while (levels[levels.length - 1].length > 4096) levels.push(halve(levels[levels.length - 1]));
  let loudest = 1e-4;
  for (const value of levels[levels.length - 1]) loudest = Math.max(loudest, Math.abs(value));

  return {
    draw(context, from, to, { x, y, width, height }, colour) {
      const columns = Math.max(1, Math.floor(width));
      const each = (to - from) / columns;
      let level = 0;
      while (level + 1 < levels.length && finest * 2 ** (level + 1) <= each) level++;
      const table = levels[level];
      const size = finest * 2 ** level;
      const fine = each < finest;
      const middle = y + height / 2;
      const scale = (0.5 * height) / loudest;
      context.fillStyle = colour;
      context.beginPath();
      for (let column = 0; column < columns; column++) {
        const start = from + column * each;
        let low = Number.POSITIVE_INFINITY;
        let high = Number.NEGATIVE_INFINITY;
        if (fine) {
          const last = Math.min(samples.length, Math.ceil(start + each) + 1);
          for (let i = Math.max(0, Math.floor(start)); i < last; i++) {
            low = Math.min(low, samples[i]);
            high = Math.max(high, samples[i]);
          }
        } else {
          const last = Math.min(table.length / 2, Math.ceil((start + each) / size));
          for (let i = Math.max(0, Math.floor(start / size)); i < last; i++) {
            low = Math.min(low, table[2 * i]);
            high = Math.max(high, table[2 * i + 1]);
          }
        }
        if (!(high >= low)) continue;
        const top = middle - high * scale;
        context.rect(x + column, top, 1, Math.max(1, middle - low * scale - top));
      }
      context.fill();
    },
  };
}

/** Pairs of minimum and maximum of every `finest` samples. */
function tableOf(samples: Float32Array): Float32Array {
  const out = new Float32Array(2 * Math.ceil(samples.length / finest));
  for (let entry = 0; entry < out.length / 2; entry++) {
    let low = Number.POSITIVE_INFINITY;
    let high = Number.NEGATIVE_INFINITY;
    const end = Math.min(samples.length, (entry + 1) * finest);
    for (let i = entry * finest; i < end; i++) {
      low = Math.min(low, samples[i]);
      high = Math.max(high, samples[i]);
    }
    out[2 * entry] = low;
    out[2 * entry + 1] = high;
  }
  return out;
}

function halve(table: Float32Array): Float32Array {
  const entries = table.length / 2;
  const out = new Float32Array(2 * Math.ceil(entries / 2));
  for (let i = 0; i < out.length / 2; i++) {
    const other = Math.min(2 * i + 1, entries - 1);
    out[2 * i] = Math.min(table[4 * i], table[2 * other]);
    out[2 * i + 1] = Math.max(table[4 * i + 1], table[2 * other + 1]);
  }
  return out;
}
