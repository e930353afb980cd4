// out[clip, row, frame] = log(mel(|FFT(window · frame)|²)): the whole front end in one dispatch, from waveforms [B, samples].
// Rows are mel bands or the n_fft/2 + 1 frequencies. The real FFT of N points is a complex one of SIZE = N/2 points over
// pairs of samples, taken apart afterwards (ODD 1: a complex one of SIZE = N points).
//
// Variants: PER_LANE 0, one workgroup of STEP invocations for each frame, `z` in workgroup memory; PER_LANE 1, one
// invocation for each frame (WIDTH in a workgroup), `z` in private memory. ROOM: values in z, at least 2·SIZE; RADIX2…RADIX8: which
// passes are needed; KALDI: 1 pre-emphasis, 2 also removes the frame's mean. The rest are parameters, so that front ends share
// compiled code. `mode`: bits 0–1 the scale (0 none, 1 log10(1 + gain·x), 2 dB relative to `gain` dB, 3 ln), bits 2–3 the padding (0 zeros,
// 1 mirrored without the edge sample, 2 mirrored with it), bit 4 mel, bit 5 magnitude instead of power.
//
// Measured on 16 clips of 10 s at 16 kHz, n_fft 1024, hop 512, 128 bands (5008 frames), two cores, processor time / 2:
//   lavapipe      group 8: 61 ms   group 16: 67   group 64: 97   lane 8: 33–39   (wall on idle cores: 74 and 38 for group 8 and lane)
//   SwiftShader   group 8: 291 ms  group 16: 358  group 64: 753  lane 32: 205
// `lane` is not taken on lavapipe: private memory starts as zeros, which Mesa writes out as one store for each value, and compiling
// takes 4 s and more (group: 0.5 s) until its cache on disk knows the kernel. Passes with constant spans, one call for each, were no
// faster and compiled ten times longer.
#include "lib/index"

struct Params {
  samples: u32, frames: u32, total: u32, hop: u32, start: i32, rows: u32, win: u32,
  size: u32, passes: u32, untangle_at: u32, window_at: u32, mel_at: u32,
  mode: u32, preemphasis: f32, gain: f32, floor: f32,
}
@group(0) @binding(0) var<storage, read> wave: array<f32>;
@group(0) @binding(1) var<storage, read> roots: array<vec2f>;   // twiddles, untangling factors, window
@group(0) @binding(2) var<storage, read> indices: array<u32>;   // input positions, passes, (first bin, bins) of each filter
@group(0) @binding(3) var<storage, read> weights: array<f32>;   // [longest filter, rows]
@group(0) @binding(4) var<storage, read_write> result: array<f32>;
var<immediate> p: Params;

#if PER_LANE
var<private> z: array<f32, ROOM>;
#define STEP 1u
#else
var<workgroup> z: array<f32, ROOM>;
#endif
fn sync() {
#if !PER_LANE
  workgroupBarrier();
#endif
}
#include "audio/passes"

// Sample i of a clip that starts at `base`, with padding on both sides.
fn padded(base: u32, i: i32) -> f32 {
  let n = i32(p.samples);
  var k = i;
  if (i < 0 || i >= n) {
    let pad = (p.mode >> 2u) & 3u;
    if (pad == 0u) { return 0.0; }
    let edge = i32(pad - 1u); // 1: the edge sample is repeated
    k = select(2 * (n - 1) - i + edge, -i - edge, i < 0);
    k = clamp(k, 0, n - 1);
  }
  return wave[base + u32(k)];
}

// Sample i of a frame, its mean removed and pre-emphasised; 0 beyond the window.
fn emphasised(base: u32, first: i32, i: u32, mean: f32) -> f32 {
  if (i >= p.win) { return 0.0; }
  let here = first + i32(i);
  let before = padded(base, here - i32(min(i, 1u))) - mean;
  return padded(base, here) - mean - p.preemphasis * before;
}

fn finish(x: f32) -> f32 {
  switch p.mode & 3u {
    case 1u: { return log2(1.0 + p.gain * x) * 0.30102999566398120; }
    case 2u: { return log2(max(x, p.floor)) * 3.0102999566398120 - p.gain; }
    case 3u: { return log2(max(x, p.floor)) * 0.69314718055994531; }
    default: { return x; }
  }
}

fn power_of(x: vec2f) -> f32 {
  let power = dot(x, x);
  if ((p.mode & 32u) != 0u) { return sqrt(power); }
  return power;
}

#if PER_LANE
@compute @workgroup_size(WIDTH)
#else
@compute @workgroup_size(STEP)
#endif
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
#if PER_LANE
  let item = linear_group(group, groups) * WIDTH + local;
  let lane = 0u;
#else
  let item = linear_group(group, groups);
  let lane = local;
#endif
  if (item >= p.total) { return; }
  let clip = item / p.frames;
  let frame = item % p.frames;
  let base = clip * p.samples;
  let first = p.start + i32(frame * p.hop);

  var mean = 0.0;
#if KALDI == 2
  var sum = 0.0;
  for (var i = lane; i < p.win; i += STEP) { sum += padded(base, first + i32(i)); }
#if !PER_LANE
  z[lane] = sum;
  sync();
  sum = 0.0;
  for (var i = 0u; i < STEP; i++) { sum += z[i]; }
  sync();
#endif
  mean = sum / f32(p.win);
#endif

  for (var i = lane; i < p.size; i += STEP) {
    let window = roots[p.window_at + i];
#if KALDI
#if ODD
    let pair = vec2f(emphasised(base, first, i, mean), 0.0);
#else
    let pair = vec2f(emphasised(base, first, 2u * i, mean), emphasised(base, first, 2u * i + 1u, mean));
#endif
#elif ODD
    let pair = vec2f(padded(base, first + i32(i)), 0.0);
#else
    let a = first + 2 * i32(i);
    var pair: vec2f;
    if (a >= 0 && a + 1 < i32(p.samples)) {
      pair = vec2f(wave[base + u32(a)], wave[base + u32(a) + 1u]);
    } else {
      pair = vec2f(padded(base, a), padded(base, a + 1));
    }
#endif
    store_at(indices[i], pair * window);
  }
  sync();
  transform(lane);

#if ODD
  for (var k = lane; 2u * k <= p.size; k += STEP) { z[k] = power_of(value_at(k)); }
#else
  // X[k] = E + w·O and X[SIZE − k] = conj(E − w·O), E and O the spectra of the even and odd samples; the pair's powers replace
  // Z[k] and Z[SIZE − k]. |X[SIZE]|² goes to z[SIZE], which held the imaginary part of Z[0].
  for (var k = lane; k <= p.size / 2u; k += STEP) {
    let a = value_at(k);
    if (k == 0u) {
      z[0] = power_of(vec2f(a.x + a.y, 0.0));
      z[p.size] = power_of(vec2f(a.x - a.y, 0.0));
    } else {
      let b = value_at(p.size - k);
      let even = 0.5 * vec2f(a.x + b.x, a.y - b.y);
      let odd = cmul(roots[p.untangle_at + k], 0.5 * vec2f(a.y + b.y, b.x - a.x));
      z[k] = power_of(even + odd);
      z[p.size - k] = power_of(even - odd);
    }
  }
#endif
  sync();

  let out = clip * p.rows * p.frames + frame;
  let mel = (p.mode & 16u) != 0u;
  for (var row = lane; row < p.rows; row += STEP) {
    var x = 0.0;
    if (mel) {
      let bin = indices[p.mel_at + 2u * row];
      let bins = indices[p.mel_at + 2u * row + 1u];
      for (var i = 0u; i < bins; i++) { x += weights[i * p.rows + row] * z[bin + i]; }
    } else {
      x = z[row];
    }
    result[out + row * p.frames] = finish(x);
  }
}
