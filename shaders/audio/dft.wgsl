// Small forward DFTs in registers: the pieces of the FFT passes. Complex numbers are vec2 (re, im).
struct Four { a: vec2f, b: vec2f, c: vec2f, d: vec2f }

fn cmul(a: vec2f, b: vec2f) -> vec2f { return vec2f(a.x * b.x - a.y * b.y, a.x * b.y + a.y * b.x); }
fn times_minus_i(a: vec2f) -> vec2f { return vec2f(a.y, -a.x); }

fn dft4(x: Four) -> Four {
  let a = x.a + x.c;
  let b = x.a - x.c;
  let c = x.b + x.d;
  let d = times_minus_i(x.b - x.d);
  return Four(a + c, b + d, a - c, b - d);
}
