// The log-mel that all libraries compute: 16 kHz, frames of 1024 samples every 256, centred with zeros, periodic Hann
// window, power, 128 Slaney bands of equal area, natural logarithm above 1e-10. Tables in float32 for the libraries that
// need them, frames and bands in float64 for the comparison.
import { normals } from "./random.mjs";

export const sampleRate = 16000;
export const fftLength = 1024;
export const hop = 256;
export const bins = fftLength / 2 + 1;
export const bands = 128;
export const floor = 1e-10;

export function frameCount(samples) {
  return Math.floor(samples / hop) + 1;
}

const hann = Float64Array.from(
  { length: fftLength },
  (_, i) => (1 - Math.cos((2 * Math.PI * i) / fftLength)) / 2,
);

export function hannWindow() {
  return Float32Array.from(hann);
}

// Slaney's scale: 200/3 Hz a mel up to 1 kHz, from there 27 mels for each factor of 6.4.
const breakHz = 1000;
const breakMel = 15;
const logStep = Math.log(6.4) / 27;

function toMel(hz) {
  return hz < breakHz ? (hz * 3) / 200 : breakMel + Math.log(hz / breakHz) / logStep;
}

function toHz(mel) {
  return mel < breakMel ? (mel * 200) / 3 : breakHz * Math.exp((mel - breakMel) * logStep);
}

/** [bins, bands] row by row: triangles of area one between the corners, by the frequencies of the bins. */
export function filterBank() {
  const highest = toMel(sampleRate / 2);
  const corners = Array.from({ length: bands + 2 }, (_, i) => toHz((highest * i) / (bands + 1)));
  const bank = new Float32Array(bins * bands);
  for (let band = 0; band < bands; band++) {
    const [low, centre, high] = corners.slice(band, band + 3);
    for (let bin = 0; bin < bins; bin++) {
      const hz = (bin * sampleRate) / fftLength;
      const height = Math.min((hz - low) / (centre - low), (high - hz) / (high - centre));
      bank[bin * bands + band] = height > 0 ? (2 * height) / (high - low) : 0;
    }
  }
  return bank;
}

/** [fftLength, 2·bins]: the windowed transform as a matrix, real parts then imaginary parts. */
export function windowedTransform() {
  const matrix = new Float32Array(fftLength * 2 * bins);
  for (let n = 0; n < fftLength; n++) {
    const row = matrix.subarray(n * 2 * bins, (n + 1) * 2 * bins);
    for (let bin = 0; bin < bins; bin++) {
      const angle = (-2 * Math.PI * ((n * bin) % fftLength)) / fftLength;
      row[bin] = hann[n] * Math.cos(angle);
      row[bins + bin] = hann[n] * Math.sin(angle);
    }
  }
  return matrix;
}

/** [count, seconds · 16 kHz] of gliding tones in noise, a little different from clip to clip. */
export function recordings(count, seconds) {
  const samples = sampleRate * seconds;
  const data = normals(9000 + seconds, count * samples, 0.1);
  for (let clip = 0; clip < count; clip++) {
    for (let i = 0; i < samples; i++) {
      const t = i / sampleRate;
      const turns = [(220 + 10 * clip + 40 * t) * t, 1250 * t, (3000 + 100 * t) * t];
      const [low, middle, high] = turns.map((turn) => Math.sin(2 * Math.PI * turn));
      data[clip * samples + i] += 0.3 * low + 0.2 * middle + 0.1 * high;
    }
  }
  return { shape: [count, samples], data };
}

/** Float64 spectrum of one frame: [real, imaginary], each of `bins`. */
export function frameSpectrum({ shape: [, samples], data }, clip, frame) {
  const real = new Float64Array(bins);
  const imaginary = new Float64Array(bins);
  const first = frame * hop - fftLength / 2;
  for (let n = Math.max(0, -first); n < fftLength && first + n < samples; n++) {
    const value = hann[n] * data[clip * samples + first + n];
    for (let bin = 0; bin < bins; bin++) {
      const angle = (-2 * Math.PI * ((n * bin) % fftLength)) / fftLength;
      real[bin] += value * Math.cos(angle);
      imaginary[bin] += value * Math.sin(angle);
    }
  }
  return [real, imaginary];
}

/** Float64 power of one frame. */
export function framePower(recording, clip, frame) {
  const [real, imaginary] = frameSpectrum(recording, clip, frame);
  return real.map((value, bin) => value * value + imaginary[bin] * imaginary[bin]);
}

/** Float64 log-mel of one frame. */
export function frameLogMel(recording, clip, frame, bank) {
  const power = framePower(recording, clip, frame);
  return Float64Array.from({ length: bands }, (_, band) => {
    const sum = power.reduce((total, value, bin) => total + value * bank[bin * bands + band], 0);
    return Math.log(Math.max(sum, floor));
  });
}
