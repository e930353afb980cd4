// What the attention kernels share: bindings, parameters, where a row stands, how it is read and written, the mask. A kernel
// defines ROLE before it includes this: 0 forward, 1 the gradient of the queries, 2 the gradient of keys and values.
// HEAD_DIM is a constant; a row is CHUNKS = ceil(HEAD_DIM / 4) vec4s, stored as ITEMs: vec4<f32> where HEAD_DIM is a multiple of 4
// (VEC4), else f32, read with zeros after the end. p.chunks = CHUNKS, unknown to the compiler, keeps loops from being unrolled.
// PACKED 0: q [B, H, Tq, D], k and v [B, H, Tk, D], the output like q. PACKED 1: one tensor [B, T, 3, H, D] holds q, k and v
// (the output of a joint projection), the output is [B, T, H, D], Tq = Tk, and the gradient is one tensor like the input.
// MASK 1: keep [B, Tk] of MASK_TYPE f32 or i32, 0 hides a key from all queries. MASK 2: a mask with strides for b, h, q, k; as f32 a
// number added to every score, as i32 (KEEP) 0 hides.
// stats[pair · Tq + query]: .x = log2 Σ exp2(score·log2 e), left by forward; .y = delta = dout·out, left by the gradient of
// the queries for that of the keys.
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
@group(0) @binding(0) var<storage, read_write> target_: array<ITEM>;
#if ROLE == 0
@group(0) @binding(1) var<storage, read_write> stats: array<vec2<f32>>;
@group(0) @binding(2) var<storage, read> query: array<ITEM>;
#if PACKED
#define MASK_BINDING 3
#else
@group(0) @binding(3) var<storage, read> key: array<ITEM>;
@group(0) @binding(4) var<storage, read> value: array<ITEM>;
#define MASK_BINDING 5
#endif
#elif ROLE == 1
@group(0) @binding(1) var<storage, read_write> stats: array<vec2<f32>>;
@group(0) @binding(2) var<storage, read> grad: array<ITEM>;
@group(0) @binding(3) var<storage, read> output: array<ITEM>;
@group(0) @binding(4) var<storage, read> query: array<ITEM>;
#if PACKED
#define MASK_BINDING 5
#else
@group(0) @binding(5) var<storage, read> key: array<ITEM>;
@group(0) @binding(6) var<storage, read> value: array<ITEM>;
#define MASK_BINDING 7
#endif
#elif PACKED
@group(0) @binding(1) var<storage, read> stats: array<vec2<f32>>;
@group(0) @binding(2) var<storage, read> grad: array<ITEM>;
@group(0) @binding(3) var<storage, read> query: array<ITEM>;
#define MASK_BINDING 4
#else
@group(0) @binding(1) var<storage, read_write> target_v: array<ITEM>;
@group(0) @binding(2) var<storage, read> stats: array<vec2<f32>>;
@group(0) @binding(3) var<storage, read> grad: array<ITEM>;
@group(0) @binding(4) var<storage, read> query: array<ITEM>;
@group(0) @binding(5) var<storage, read> key: array<ITEM>;
@group(0) @binding(6) var<storage, read> value: array<ITEM>;
#define MASK_BINDING 7
#endif
#if MASK
@group(0) @binding(MASK_BINDING) var<storage, read> mask: array<MASK_TYPE>;
#endif
var<immediate> p: Params;
const negligible = -1e30;
const hidden_below = -9e29;
const log2e = 1.4426950408889634;

#if MASK == 1
// Is a key of this pair shown?
fn is_kept(pair: u32, row: u32) -> bool { return mask[pair / p.heads * p.tk + row] != MASK_TYPE(0); }
#elif MASK == 2
// What is added to the score (in base 2) of a query and a key.
fn mask_value(pair: u32, q: u32, k: u32) -> f32 {
  let at = pair / p.heads * p.mask_b + pair % p.heads * p.mask_h + q * p.mask_q + k * p.mask_k;
#if KEEP
  return select(negligible, 0.0, mask[at] != 0);
#else
  return max(mask[at] * log2e, negligible);
#endif
}
#endif

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

// Reads and writes the i-th vec4 of the row whose first item is `at`. One function for each buffer, since a storage buffer cannot
// be passed to a function everywhere.
#if !VEC4
fn items_at(at: u32, i: u32) -> vec4<u32> { return at + min(4u * i + vec4(0u, 1u, 2u, 3u), vec4(ITEMS - 1u)); }
fn inside(i: u32, x: vec4<f32>) -> vec4<f32> {
  return select(vec4(0.0), x, 4u * i + vec4(0u, 1u, 2u, 3u) < vec4(ITEMS));
}
#endif
fn read_query(at: u32, i: u32) -> vec4<f32> {
#if VEC4
  return query[at + i];
#else
  let x = items_at(at, i);
  return inside(i, vec4(query[x.x], query[x.y], query[x.z], query[x.w]));
#endif
}
#if PACKED
#define read_key read_query
#define read_value read_query
#else
fn read_key(at: u32, i: u32) -> vec4<f32> {
#if VEC4
  return key[at + i];
#else
  let x = items_at(at, i);
  return inside(i, vec4(key[x.x], key[x.y], key[x.z], key[x.w]));
#endif
}
fn read_value(at: u32, i: u32) -> vec4<f32> {
#if VEC4
  return value[at + i];
#else
  let x = items_at(at, i);
  return inside(i, vec4(value[x.x], value[x.y], value[x.z], value[x.w]));
#endif
}
#endif
#if ROLE > 0
fn read_grad(at: u32, i: u32) -> vec4<f32> {
#if VEC4
  return grad[at + i];
#else
  let x = items_at(at, i);
  return inside(i, vec4(grad[x.x], grad[x.y], grad[x.z], grad[x.w]));
#endif
}
#endif
#if ROLE == 1
fn read_output(at: u32, i: u32) -> vec4<f32> {
#if VEC4
  return output[at + i];
#else
  let x = items_at(at, i);
  return inside(i, vec4(output[x.x], output[x.y], output[x.z], output[x.w]));
#endif
}
#endif
fn write_target(at: u32, i: u32, x: vec4<f32>) {
#if VEC4
  target_[at + i] = x;
#else
  for (var e = 0u; e < min(4u, ITEMS - 4u * i); e++) { target_[at + 4u * i + e] = x[e]; }
#endif
}
#if ROLE == 2 && PACKED
#define write_value write_target
#elif ROLE == 2
fn write_value(at: u32, i: u32, x: vec4<f32>) {
#if VEC4
  target_v[at + i] = x;
#else
  for (var e = 0u; e < min(4u, ITEMS - 4u * i); e++) { target_v[at + 4u * i + e] = x[e]; }
#endif
}
#endif
