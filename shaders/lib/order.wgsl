// Floats in an order that no compiler may doubt: WGSL lets one assume that NaN and infinities do not occur, so comparisons of f32
// cannot be relied on for them. Here keys are compared, made of the bits: 0 is −∞, 0xff000001 +∞, all above are NaN, of either sign.
// −0 comes below +0. VEC 1: KEY is vec4<u32>, else u32.
#if VEC
#define KEY vec4<u32>
#define SIGNED vec4<i32>
#define FLAGS vec4<bool>
fn key_max(x: vec4<u32>) -> u32 { return max(max(x.x, x.y), max(x.z, x.w)); }
#else
#define KEY u32
#define SIGNED i32
#define FLAGS bool
fn key_max(x: u32) -> u32 { return x; }
#endif
const nan_bits = 0x7fc00000u; // stored as bits, since a compiler may assume that no f32 is NaN
fn is_nan(bits: KEY) -> FLAGS { return (bits & KEY(0x7fffffffu)) > KEY(0x7f800000u); }
/// 0x7fffffff where the sign is set, else 0.
fn turn_of(bits: KEY) -> KEY { return bitcast<KEY>(bitcast<SIGNED>(bits) >> KEY(31u)) >> KEY(1u); }
fn key_of(bits: KEY) -> KEY { return (bits ^ turn_of(bits)) - KEY(0x807fffffu); }
/// The same for minima: +∞ is 0, −∞ 0xff000001, all above are NaN.
fn low_key_of(bits: KEY) -> KEY { return ~(bits ^ turn_of(bits)) - KEY(0x807fffffu); }
/// All NaN with one key.
fn place_key_of(bits: KEY) -> KEY { return min(key_of(bits), KEY(0xff000002u)); }
fn bits_of(key: u32) -> u32 {
  let x = key + 0x807fffffu;
  return x ^ (bitcast<u32>(bitcast<i32>(x) >> 31u) >> 1u);
}
fn bits_of4(key: vec4<u32>) -> vec4<u32> {
  let x = key + vec4(0x807fffffu);
  return x ^ (bitcast<vec4<u32>>(bitcast<vec4<i32>>(x) >> vec4(31u)) >> vec4(1u));
}
/// Whether what has this largest key has no softmax: there is a NaN or +∞, or −∞ alone.
fn has_no_softmax(key: u32) -> bool { return key - 1u >= 0xff000000u; }
fn has_no_softmax4(key: vec4<u32>) -> vec4<bool> { return key - vec4(1u) >= vec4(0xff000000u); }
