// How a complex FFT of any length 2^a·3^b·5^c is carried out in place: the radix of each pass, where each input goes first,
// and the twiddle factors in float64. Pure numbers; shaders/audio/spectrum.wgsl does the arithmetic.
import { ShapeError } from "../gpu/errors.js";

/** One pass: `size / radix` butterflies, each over `radix` values that lie `span` apart. */
export interface FftPass {
  radix: 2 | 3 | 4 | 5 | 8;
  /** Length of the transforms that this pass combines. */
  span: number;
  /** Where the pass's twiddles start in `twiddles`, in complex numbers: exp(−2πi·q·t/(span·radix)) at (q−1)·span + t. */
  twiddle: number;
}

export interface FftPlan {
  size: number;
  passes: FftPass[];
  /** `position[i]`: where input i is put before the first pass (mixed-radix digit reversal). */
  position: Uint32Array;
  /** Pairs (re, im). */
  twiddles: Float64Array;
}

/** Radices for `size`, few and large, the largest first. Throws ShapeError when another prime divides it. */
export function fftRadices(size: number): FftPass["radix"][] {
  let rest = size;
  const count = (prime: number) => {
    let n = 0;
    for (; rest > 1 && rest % prime === 0; rest /= prime) n++;
    return n;
  };
  let twos = count(2);
  const threes = count(3);
  const fives = count(5);
  if (rest !== 1 || !Number.isInteger(size)) {
    throw new ShapeError(
      `An FFT of ${size} points is not supported: use a length whose prime factors are 2, 3 and 5.`,
    );
  }
  const radices: FftPass["radix"][] = [];
  while (twos >= 3 && twos !== 4) {
    radices.push(8);
    twos -= 3;
  }
  radices.push(...new Array<5>(fives).fill(5));
  for (; twos >= 2; twos -= 2) radices.push(4);
  radices.push(...new Array<3>(threes).fill(3));
  if (twos === 1) radices.push(2);
  return radices;
}

/** The plan for a forward transform, X[k] = Σ x[i]·exp(−2πi·i·k/size). */
export function planFft(size: number): FftPlan {
  const radices = fftRadices(size);
  const passes: FftPass[] = [];
  const twiddles: number[] = [];
  let span = 1;
  for (const radix of radices) {
    passes.push({ radix, span, twiddle: twiddles.length / 2 });
    for (let q = 1; q < radix; q++) {
      for (let t = 0; t < span; t++) twiddles.push(...root(q * t, span * radix));
    }
    span *= radix;
  }
  const position = Uint32Array.from({ length: size }, (_, input) => {
    let at = 0;
    let rest = input;
    for (const { radix, span } of [...passes].reverse()) {
      at += (rest % radix) * span;
      rest = Math.floor(rest / radix);
    }
    return at;
  });
  return { size, passes, position, twiddles: Float64Array.from(twiddles) };
}

/** exp(−2πi·k/n), exact on the axes. */
export function root(k: number, n: number): [re: number, im: number] {
  const turn = (((k % n) + n) % n) / n;
  if (turn === 0) return [1, 0];
  if (turn === 0.25) return [0, -1];
  if (turn === 0.5) return [-1, 0];
  if (turn === 0.75) return [0, 1];
  return [Math.cos(2 * Math.PI * turn), -Math.sin(2 * Math.PI * turn)];
}
