// A 32-bit mixing function, on vec4: xor-shifts and multiplications with the constants of C. Wellons' "lowbias32" (2018, public
// domain), found by search for low bias: each input bit flips each output bit with a chance near one half.
fn hash4(value: vec4<u32>) -> vec4<u32> {
  var x = value;
  x = (x ^ (x >> vec4(16u))) * 0x7feb352du;
  x = (x ^ (x >> vec4(15u))) * 0x846ca68bu;
  return x ^ (x >> vec4(16u));
}
