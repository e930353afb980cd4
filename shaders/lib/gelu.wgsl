// GELU of vec4 and its slope. GELU 1: x·Φ(x) with Φ by erf. GELU 2: its tanh approximation (Hendrycks and Gimpel, 2016), written as
// x·sigmoid(2u), u = 0.79788456·(x + 0.044715 x³): 0.5·(1 + tanh u) is sigmoid(2u), which takes one exp.
#if GELU == 1
#include "lib/erf"
fn gelu4(x: vec4<f32>) -> vec4<f32> {
  return 0.5 * x * (1.0 + erf4(x * 0.7071067811865476));
}
fn gelu_slope4(x: vec4<f32>) -> vec4<f32> {
  return 0.5 * (1.0 + erf4(x * 0.7071067811865476)) + x * (0.3989422804014327 * exp(-0.5 * x * x));
}
#else
fn gelu_share4(x: vec4<f32>) -> vec4<f32> {
  let c = clamp(x, vec4(-10.0), vec4(10.0)); // at -10 it is float32's smallest number, and exp still finite
  return 1.0 / (1.0 + exp(-1.5957691216057308 * (c + 0.044715 * c * c * c)));
}
fn gelu4(x: vec4<f32>) -> vec4<f32> { return x * gelu_share4(x); }
fn gelu_slope4(x: vec4<f32>) -> vec4<f32> {
  let s = gelu_share4(x);
  let c = clamp(x, vec4(-10.0), vec4(10.0));
  return s + x * s * (1.0 - s) * 1.5957691216057308 * (1.0 + 0.134145 * c * c);
}
#endif
