// What a reduction does with two partial results of type ITEM, and with what nothing has been merged into yet.
// KIND 0 sum, 1 maximum, 2 minimum.
// WGSL has no literal for infinity and refuses constant expressions that overflow to it, hence a value at run time.
var<private> infinity_bits: u32 = 0x7f800000u;
#define INFINITE bitcast<f32>(infinity_bits)
#if KIND == 0
fn nothing() -> ITEM { return ITEM(0.0); }
fn merge(a: ITEM, b: ITEM) -> ITEM { return a + b; }
#elif KIND == 1
fn nothing() -> ITEM { return ITEM(-INFINITE); }
fn merge(a: ITEM, b: ITEM) -> ITEM { return max(a, b); }
#else
fn nothing() -> ITEM { return ITEM(INFINITE); }
fn merge(a: ITEM, b: ITEM) -> ITEM { return min(a, b); }
#endif
