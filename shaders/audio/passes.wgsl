// In-place FFT passes over `z` (re at [i], im at [p.size + i]) for spectrum.wgsl. Butterfly j of a pass combines the `radix`
// values at (j / span)·span·radix + j % span + q·span, each multiplied by its twiddle. Every butterfly writes where it read, so
// one barrier between passes is enough. The table of passes is data: constant spans would let the compilers unroll
// everything, which took them 5 to 30 s on software adapters.
#include "audio/dft"

fn value_at(i: u32) -> vec2f { return vec2f(z[i], z[p.size + i]); }
fn store_at(i: u32, value: vec2f) { z[i] = value.x; z[p.size + i] = value.y; }
fn twisted(i: u32, w: u32) -> vec2f { return cmul(value_at(i), roots[w]); }

// j % span without an integer division; exact below 2^22.
fn rest(j: u32, span: u32) -> u32 { return j - u32((f32(j) + 0.5) / f32(span)) * span; }

#if RADIX2
fn pass2(s: u32, table: u32, lane: u32) {
  for (var j = lane; 2u * j < p.size; j += STEP) {
    let t = rest(j, s);
    let i = (j - t) * 2u + t;
    let a = value_at(i);
    let b = twisted(i + s, table + t);
    store_at(i, a + b);
    store_at(i + s, a - b);
  }
}
#endif

#if RADIX3
fn pass3(s: u32, table: u32, lane: u32) {
  for (var j = lane; 3u * j < p.size; j += STEP) {
    let t = rest(j, s);
    let i = (j - t) * 3u + t;
    let w = table + t;
    let a = value_at(i);
    let b = twisted(i + s, w);
    let c = twisted(i + 2u * s, w + s);
    let sum = b + c;
    let middle = a - 0.5 * sum;
    let side = 0.86602540378443865 * times_minus_i(b - c);
    store_at(i, a + sum);
    store_at(i + s, middle + side);
    store_at(i + 2u * s, middle - side);
  }
}
#endif

#if RADIX4
fn pass4(s: u32, table: u32, lane: u32) {
  for (var j = lane; 4u * j < p.size; j += STEP) {
    let t = rest(j, s);
    let i = (j - t) * 4u + t;
    let w = table + t;
    let y = dft4(Four(value_at(i), twisted(i + s, w), twisted(i + 2u * s, w + s), twisted(i + 3u * s, w + 2u * s)));
    store_at(i, y.a);
    store_at(i + s, y.b);
    store_at(i + 2u * s, y.c);
    store_at(i + 3u * s, y.d);
  }
}
#endif

#if RADIX5
fn pass5(s: u32, table: u32, lane: u32) {
  for (var j = lane; 5u * j < p.size; j += STEP) {
    let t = rest(j, s);
    let i = (j - t) * 5u + t;
    let w = table + t;
    let x0 = value_at(i);
    let x1 = twisted(i + s, w);
    let x2 = twisted(i + 2u * s, w + s);
    let x3 = twisted(i + 3u * s, w + 2u * s);
    let x4 = twisted(i + 4u * s, w + 3u * s);
    let a = x1 + x4;
    let b = x2 + x3;
    let c = times_minus_i(x1 - x4);
    let d = times_minus_i(x2 - x3);
    // cosines and sines of 72° and 144°
    let m1 = x0 + 0.30901699437494742 * a - 0.80901699437494742 * b;
    let m2 = x0 - 0.80901699437494742 * a + 0.30901699437494742 * b;
    let s1 = 0.95105651629515357 * c + 0.58778525229247313 * d;
    let s2 = 0.58778525229247313 * c - 0.95105651629515357 * d;
    store_at(i, x0 + a + b);
    store_at(i + s, m1 + s1);
    store_at(i + 2u * s, m2 + s2);
    store_at(i + 3u * s, m2 - s2);
    store_at(i + 4u * s, m1 - s1);
  }
}
#endif

#if RADIX8
fn pass8(s: u32, table: u32, lane: u32) {
  for (var j = lane; 8u * j < p.size; j += STEP) {
    let t = rest(j, s);
    let i = (j - t) * 8u + t;
    let w = table + t;
    let even = dft4(Four(value_at(i), twisted(i + 2u * s, w + s), twisted(i + 4u * s, w + 3u * s),
                         twisted(i + 6u * s, w + 5u * s)));
    let odd = dft4(Four(twisted(i + s, w), twisted(i + 3u * s, w + 2u * s), twisted(i + 5u * s, w + 4u * s),
                        twisted(i + 7u * s, w + 6u * s)));
    let half = 0.70710678118654752;
    let b = half * vec2f(odd.b.x + odd.b.y, odd.b.y - odd.b.x);
    let c = times_minus_i(odd.c);
    let d = half * vec2f(odd.d.y - odd.d.x, -odd.d.x - odd.d.y);
    store_at(i, even.a + odd.a);
    store_at(i + s, even.b + b);
    store_at(i + 2u * s, even.c + c);
    store_at(i + 3u * s, even.d + d);
    store_at(i + 4u * s, even.a - odd.a);
    store_at(i + 5u * s, even.b - b);
    store_at(i + 6u * s, even.c - c);
    store_at(i + 7u * s, even.d - d);
  }
}
#endif

fn transform(lane: u32) {
  for (var k = 0u; k < p.passes; k++) {
    let entry = p.size + 3u * k; // after the input positions in `indices`
    let radix = indices[entry];
    let span = indices[entry + 1u];
    let table = indices[entry + 2u];
    switch radix {
#if RADIX2
      case 2u: { pass2(span, table, lane); }
#endif
#if RADIX3
      case 3u: { pass3(span, table, lane); }
#endif
#if RADIX4
      case 4u: { pass4(span, table, lane); }
#endif
#if RADIX5
      case 5u: { pass5(span, table, lane); }
#endif
#if RADIX8
      case 8u: { pass8(span, table, lane); }
#endif
      default: {}
    }
    sync();
  }
}
