// What half-precision kernels build on, for src/host/node/half: numbers are converted and stored as f16, one by one and as vec4s,
// loaded again, and multiplied as 8 × 8 matrices. target_: the products of both copies, then what was loaded.
@group(0) @binding(0) var<storage, read> source: array<f32, 64>;
@group(0) @binding(1) var<storage, read_write> single: array<f16, 64>;
@group(0) @binding(2) var<storage, read_write> fours: array<vec4<f16>, 16>;
@group(0) @binding(3) var<storage, read_write> target_: array<f32, 192>;

@compute @workgroup_size(64)
fn main(@builtin(local_invocation_index) i: u32) {
  single[i] = f16(source[i]);
  if (i < 16u) {
    fours[i] = vec4<f16>(vec4(source[4u * i], source[4u * i + 1u], source[4u * i + 2u], source[4u * i + 3u]));
  }
  storageBarrier();
  let row = i / 8u * 8u;
  let column = i % 8u;
  var plain = 0.0;
  var half = f16(0.0);
  for (var k = 0u; k < 8u; k++) {
    plain += f32(single[row + k]) * f32(single[k * 8u + column]);
    half += fours[(row + k) / 4u][k % 4u] * fours[(k * 8u + column) / 4u][column % 4u];
  }
  target_[i] = plain;
  target_[64u + i] = f32(half);
  target_[128u + i] = f32(single[i]);
}
