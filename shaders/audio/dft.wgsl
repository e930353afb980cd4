// Small complex DFTs in registers, forward (exp(−i)): the butterflies of spectrum.wgsl. Complex numbers are vec2 (re, im).
fn cmul(a: vec2f, b: vec2f) -> vec2f { return vec2f(a.x * b.x - a.y * b.y, a.x * b.y + a.y * b.x); }
fn times_minus_i(a: vec2f) -> vec2f { return vec2f(a.y, -a.x); }

fn dft2(x: array<vec2f, 2>) -> array<vec2f, 2> { return array<vec2f, 2>(x[0] + x[1], x[0] - x[1]); }

fn dft3(x: array<vec2f, 3>) -> array<vec2f, 3> {
  let sum = x[1] + x[2];
  let middle = x[0] - 0.5 * sum;
  let side = 0.86602540378443865 * times_minus_i(x[1] - x[2]);
  return array<vec2f, 3>(x[0] + sum, middle + side, middle - side);
}

fn dft4(x: array<vec2f, 4>) -> array<vec2f, 4> {
  let a = x[0] + x[2];
  let b = x[0] - x[2];
  let c = x[1] + x[3];
  let d = times_minus_i(x[1] - x[3]);
  return array<vec2f, 4>(a + c, b + d, a - c, b - d);
}

fn dft5(x: array<vec2f, 5>) -> array<vec2f, 5> {
  let a = x[1] + x[4];
  let b = x[2] + x[3];
  let c = times_minus_i(x[1] - x[4]);
  let d = times_minus_i(x[2] - x[3]);
  // cos and sin of 72° and 144°
  let m1 = x[0] + 0.30901699437494742 * a - 0.80901699437494742 * b;
  let m2 = x[0] - 0.80901699437494742 * a + 0.30901699437494742 * b;
  let s1 = 0.95105651629515357 * c + 0.58778525229247313 * d;
  let s2 = 0.58778525229247313 * c - 0.95105651629515357 * d;
  return array<vec2f, 5>(x[0] + a + b, m1 + s1, m2 + s2, m2 - s2, m1 - s1);
}

fn dft8(x: array<vec2f, 8>) -> array<vec2f, 8> {
  let even = dft4(array<vec2f, 4>(x[0], x[2], x[4], x[6]));
  let odd = dft4(array<vec2f, 4>(x[1], x[3], x[5], x[7]));
  let half = 0.70710678118654752;
  let o1 = half * vec2f(odd[1].x + odd[1].y, odd[1].y - odd[1].x);
  let o2 = times_minus_i(odd[2]);
  let o3 = half * vec2f(odd[3].y - odd[3].x, -odd[3].x - odd[3].y);
  return array<vec2f, 8>(even[0] + odd[0], even[1] + o1, even[2] + o2, even[3] + o3,
                         even[0] - odd[0], even[1] - o1, even[2] - o2, even[3] - o3);
}
