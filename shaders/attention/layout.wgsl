// What the attention kernels share: where a row stands, how it is read, the mask. HEAD_DIM is a constant; a row is held
// in registers as CHUNKS = ceil(HEAD_DIM / 4) vec4s and read by ITEMs: vec4<f32> where HEAD_DIM is a multiple of 4 (VEC4),
// else f32 with zeros after the end.
// PACKED 0: q [B, H, Tq, D], k and v [B, H, Tk, D], the output like q. PACKED 1: one tensor [B, T, 3, H, D] holds q, k and v
// (the output of a joint projection), the output is [B, T, H, D], and Tq = Tk.
// SHARE > 1: the first SHARE lanes of a subgroup each load one row of the other side and hand it round by
// subgroupBroadcast; 1: every lane loads everything. STEP rows of the other side are taken at a time. EDGE: the last step
// may be incomplete, or keys are masked.
// LOOPS: an invocation's own rows are read and written in loops over an array instead of one statement a vec4, because every
// load and store in the text costs lavapipe's compiler about 50 ms (more in a long kernel). p.chunks = CHUNKS and `at_chunk`
// keep the compiler from unrolling them.
// MASK 1: keep [B, Tk] of MASK_TYPE f32 or i32, 0 hides a key from all queries. MASK 2: a number added to every score, with strides for b, h, q, k.
#include "lib/index"
#if VEC4
#define ITEM vec4<f32>
#define ITEMS u32(CHUNKS)
#else
#define ITEM f32
#define ITEMS u32(HEAD_DIM)
#endif
struct Params {
  heads: u32, tq: u32, tk: u32, pairs: u32, chunks: u32, scale: f32,
#if MASK == 2
  mask_b: u32, mask_h: u32, mask_q: u32, mask_k: u32,
#endif
}
const negligible = -1e30;
const hidden_below = -9e29;
const log2e = 1.4426950408889634;

// First item of a row of q (part 0), k (1) or v (2).
fn row_at(part: u32, pair: u32, row: u32, rows: u32) -> u32 {
#if PACKED
  return ((((pair / p.heads) * rows + row) * 3u + part) * p.heads + pair % p.heads) * ITEMS;
#else
  return (pair * rows + row) * ITEMS;
#endif
}

// First item of a row of the output.
fn out_at(pair: u32, row: u32) -> u32 {
#if PACKED
  return (((pair / p.heads) * p.tq + row) * p.heads + pair % p.heads) * ITEMS;
#else
  return (pair * p.tq + row) * ITEMS;
#endif
}

fn at_chunk(i: u32) -> u32 { return min(i, p.chunks - 1u); }
