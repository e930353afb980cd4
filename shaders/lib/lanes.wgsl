// Sums and maxima over a subgroup of exactly LANES (4, 8 or 16) invocations, by halves: every lane gets the same bits. On lavapipe
// that costs some 5 ns where subgroupAdd and subgroupMax take 44, and compiles faster.
fn lane_max(x: f32) -> f32 {
  var y = max(x, subgroupShuffleXor(x, 1u));
  y = max(y, subgroupShuffleXor(y, 2u));
#if LANES >= 8
  y = max(y, subgroupShuffleXor(y, 4u));
#endif
#if LANES >= 16
  y = max(y, subgroupShuffleXor(y, 8u));
#endif
  return y;
}
fn lane_max_key(x: u32) -> u32 {
  var y = max(x, subgroupShuffleXor(x, 1u));
  y = max(y, subgroupShuffleXor(y, 2u));
#if LANES >= 8
  y = max(y, subgroupShuffleXor(y, 4u));
#endif
#if LANES >= 16
  y = max(y, subgroupShuffleXor(y, 8u));
#endif
  return y;
}
fn lane_sum(x: f32) -> f32 {
  var y = x + subgroupShuffleXor(x, 1u);
  y += subgroupShuffleXor(y, 2u);
#if LANES >= 8
  y += subgroupShuffleXor(y, 4u);
#endif
#if LANES >= 16
  y += subgroupShuffleXor(y, 8u);
#endif
  return y;
}
