// out[clip, row, frame] = LOG(mel(|FFT(window · frame)|^POWER)): the whole front end in one dispatch, from waveforms [B, samples].
// Rows are mel bands (MEL 1) or the n_fft/2 + 1 frequencies. The real FFT of N points is a complex one of SIZE = N/2 points over
// pairs of samples, taken apart afterwards (ODD 1: a complex one of SIZE = N points).
//
// Variants: PER_LANE 0, one workgroup of STEP invocations for each frame, `z` in workgroup memory; PER_LANE 1, one
// invocation for each frame, `z` in private memory. ROOM: values in z (2·SIZE); RADIX2…RADIX8: which passes are needed;
// PAD: 0 zeros, 1 mirrored without the edge sample, 2 mirrored with it; KALDI: 1 pre-emphasis, 2 also removes the frame's mean;
// POWER, LOG: see below. Everything else is a parameter, so that front ends share compiled code.
#include "lib/index"

struct Params {
  samples: u32, frames: u32, total: u32, hop: u32, start: i32, rows: u32, win: u32,
  size: u32, passes: u32, untangle_at: u32, window_at: u32, mel_at: u32,
  preemphasis: f32, gain: f32, floor: f32, offset: f32,
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
#if PAD == 1
  var k = abs(i);
  if (k >= n) { k = 2 * (n - 1) - k; }
  return wave[base + u32(clamp(k, 0, n - 1))];
#elif PAD == 2
  var k = i;
  if (i < 0) { k = -1 - i; }
  if (i >= n) { k = 2 * n - 1 - i; }
  return wave[base + u32(clamp(k, 0, n - 1))];
#else
  if (i < 0 || i >= n) { return 0.0; }
  return wave[base + u32(i)];
#endif
}

// Sample i of a frame, its mean removed and pre-emphasised; 0 beyond the window.
fn emphasised(base: u32, first: i32, i: u32, mean: f32) -> f32 {
  if (i >= p.win) { return 0.0; }
  let here = first + i32(i);
  let before = padded(base, here - i32(min(i, 1u))) - mean;
  return padded(base, here) - mean - p.preemphasis * before;
}

fn finish(x: f32) -> f32 {
#if LOG == 1
  return log2(1.0 + p.gain * x) * 0.30102999566398120;
#elif LOG == 2
  return log2(max(x, p.floor)) * 3.0102999566398120 - p.offset;
#elif LOG == 3
  return log2(max(x, p.floor)) * 0.69314718055994531;
#else
  return x;
#endif
}

fn power_of(x: vec2f) -> f32 {
#if POWER == 1
  return sqrt(dot(x, x));
#else
  return dot(x, x);
#endif
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
  for (var row = lane; row < p.rows; row += STEP) {
#if MEL
    let bin = indices[p.mel_at + 2u * row];
    let bins = indices[p.mel_at + 2u * row + 1u];
    var x = 0.0;
    for (var i = 0u; i < bins; i++) { x += weights[i * p.rows + row] * z[bin + i]; }
#else
    let x = z[row];
#endif
    result[out + row * p.frames] = finish(x);
  }
}
