// erf on vec4: x·N(s)/D(s) with s = x²/16, and |x| clamped to 3.95, where erf is 1 to float precision. The coefficients
// are a weighted least-squares rational fit of degree (5, 5) over [0, 3.95]: relative error 2.1e-8 in exact arithmetic,
// 3.5e-7 in float32 (measured over 200 001 points of [-5, 5]).
fn erf4(x: vec4<f32>) -> vec4<f32> {
  let c = clamp(x, vec4(-3.95), vec4(3.95));
  let s = c * c * 0.0625;
  var n = vec4(2.1243364810943604);
  n = n * s + 18.65721321105957;
  n = n * s + 15.597941398620605;
  n = n * s + 13.53605842590332;
  n = n * s + 3.0647778511047363;
  n = n * s + 1.1283791065216064;
  var d = vec4(39.669639587402344);
  d = d * s + 76.7236099243164;
  d = d * s + 61.66506576538086;
  d = d * s + 29.327085494995117;
  d = d * s + 8.04941177368164;
  d = d * s + 1.0;
  return c * n / d;
}
