// What a reduction does with two partial results, and with what nothing has been merged into yet. KIND 0 sum, 1 maximum, 2
// minimum. PART is what a partial result is held as: for a sum an ITEM, for the others keys (lib/order), so that infinities and
// NaN need no help from the compiler. A maximum or minimum over a NaN is NaN; over nothing it is the infinity that loses.
// RESULT_VEC: results are vec4s, not f32.
#if RESULT_VEC
#define RESULT vec4<f32>
#define RESULT_BITS vec4<u32>
#define RESULT_FLAGS vec4<bool>
#define UNKEY bits_of4
#else
#define RESULT f32
#define RESULT_BITS u32
#define RESULT_FLAGS bool
#define UNKEY bits_of
#endif
#if KIND == 0
#define PART ITEM
fn nothing() -> PART { return PART(0.0); }
fn merge(a: PART, b: PART) -> PART { return a + b; }
fn part_of(x: ITEM) -> PART { return x; }
#else
#include "lib/order"
#define PART KEY
fn nothing() -> PART { return PART(0u); }
fn merge(a: PART, b: PART) -> PART { return max(a, b); }
#if KIND == 1
fn part_of(x: ITEM) -> PART { return key_of(bitcast<KEY>(x)); }
fn result_of(key: RESULT_BITS) -> RESULT { return bitcast<RESULT>(UNKEY(key)); }
#else
fn part_of(x: ITEM) -> PART { return low_key_of(bitcast<KEY>(x)); }
// A low key is the key of −x, but for NaN.
fn result_of(key: RESULT_BITS) -> RESULT { return bitcast<RESULT>(UNKEY(key) ^ RESULT_BITS(0x80000000u)); }
#endif
#endif
/// Whether x is infinite or NaN, by its bits.
fn is_special(x: RESULT) -> RESULT_FLAGS {
  return (bitcast<RESULT_BITS>(x) & RESULT_BITS(0x7f800000u)) == RESULT_BITS(0x7f800000u);
}
