// Numbers that every library's process draws alike from a seed: mulberry32, normals by Box and Muller's method, and
// positions at which results are compared.

const words = 2 ** 32;

/** Returns a function that gives the next 32-bit word of the stream. */
export function wordsFrom(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
}

/** `count` normals of a stream. Two words make a pair: (w + 1) / 2³² for the radius, w / 2³² for the angle. */
export function drawNormals(next, count, std = 1) {
  const values = new Float32Array(count);
  for (let at = 0; at < count; at += 2) {
    const radius = std * Math.sqrt(-2 * Math.log((next() + 1) / words));
    const angle = 2 * Math.PI * (next() / words);
    values[at] = radius * Math.cos(angle);
    if (at + 1 < count) values[at + 1] = radius * Math.sin(angle);
  }
  return values;
}

/** `count` normals from a stream of their own. */
export function normals(seed, count, std = 1) {
  return drawNormals(wordsFrom(seed), count, std);
}

/** A tensor of normals, as the cases describe their inputs. */
export function noise(shape, seed, std = 1) {
  const size = shape.reduce((product, length) => product * length, 1);
  return { shape, data: normals(seed, size, std) };
}

/** Up to `count` distinct positions below `size`; always the first and the last. */
export function positions(seed, size, count) {
  if (size <= count) return Array.from({ length: size }, (_, i) => i);
  const next = wordsFrom(seed);
  const chosen = new Set([0, size - 1]);
  while (chosen.size < count) chosen.add(next() % size);
  return [...chosen];
}
