// NaN that comes through, and xᵃ.
/// x where it is NaN, else y; by the bits, because compilers may take it that there is none and max, min, clamp and, on
/// SwiftShader, exp and log drop it.
fn or_nan(x: vec4<f32>, y: vec4<f32>) -> vec4<f32> {
  return select(y, x, (bitcast<vec4<u32>>(x) & vec4(0x7fffffffu)) > vec4(0x7f800000u));
}
/// xᵃ on vec4 for a number a, also for negative x where a is whole: WGSL's pow is undefined there.
fn power4(x: vec4<f32>, a: f32) -> vec4<f32> {
  if (a == 0.0) { return vec4(1.0); }
  if (a == 1.0) { return x; }
  if (a == 2.0) { return x * x; }
  if (a == 3.0) { return x * x * x; }
  let magnitude = or_nan(x, pow(abs(x), vec4(a)));
  let odd = abs(a % 2.0) == 1.0;
  return select(magnitude, -magnitude, (x < vec4(0.0)) & vec4<bool>(odd));
}
