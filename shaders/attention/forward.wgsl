// out = softmax(q·kᵀ·scale + mask)·v, without storing the scores: one invocation owns one query row and walks the keys
// with a running maximum and sum (the online softmax of FlashAttention, Dao et al. 2022). A workgroup of WIDTH rows
// belongs to one (batch, head) pair. Beside the output it leaves stats[row].x = log2 Σ exp2(score·log2 e) for the
// gradient. A row with no visible key gives zeros.
// For hardware and adapters without subgroups; attention/tile_forward is what software adapters run, with the comparison.
// SHARE > 1: the first SHARE lanes of a subgroup each load one row of the other side and hand it round by subgroupBroadcast;
// 1: every lane loads everything. STEP rows of the other side are taken at a time. EDGE: the last step may be incomplete, or
// keys are masked. Not timed on a GPU.
#define ROLE 0
#include "attention/operands"

@compute @workgroup_size(WIDTH)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
#if SHARE > 1
        @builtin(subgroup_invocation_id) lane: u32,
#endif
        @builtin(local_invocation_index) local: u32) {
  let tiles = (p.tq + WIDTH - 1u) / WIDTH;
  let pair = linear_group(group, groups) / tiles;
  if (pair >= p.pairs) { return; }
  let own = linear_group(group, groups) % tiles * WIDTH + local;
  let row = min(own, p.tq - 1u);
  let query_at = row_at(0u, pair, row, p.tq);
#repeat i CHUNKS
  let q##i = read_query(query_at, i##u) * (p.scale * log2e);
  var sum##i = vec4(0.0);
#end
  var best = negligible;
  var total = 0.0;
  for (var first = 0u; first < p.tk; first += u32(STEP)) {
#repeat s STEP
    var score##s = 0.0;
#end
#if SHARE > 1
    let mine = min(first + lane % u32(SHARE), p.tk - 1u);
    let key_at = row_at(1u, pair, mine, p.tk);
    let value_at = row_at(2u, pair, mine, p.tk);
#repeat i CHUNKS
    let key##i = read_key(key_at, i##u);
#repeat s STEP
    score##s += dot(q##i, subgroupBroadcast(key##i, s##u));
#end
#end
#else
#repeat s STEP
    let key_at##s = row_at(1u, pair, min(first + s##u, p.tk - 1u), p.tk);
    let value_at##s = row_at(2u, pair, min(first + s##u, p.tk - 1u), p.tk);
#repeat i CHUNKS
    score##s += dot(q##i, read_key(key_at##s, i##u));
#end
#end
#endif
#include "attention/hide"
    var top = best;
#repeat s STEP
    top = max(top, score##s);
#end
    let shrink = exp2(best - top);
    best = top;
    total *= shrink;
#repeat s STEP
#if EDGE || MASK
    let weight##s = select(exp2(score##s - top), 0.0, score##s < hidden_below);
#else
    let weight##s = exp2(score##s - top);
#endif
    total += weight##s;
#end
#repeat i CHUNKS
    sum##i *= shrink;
#if SHARE > 1
    let value##i = read_value(value_at, i##u);
#endif
#repeat s STEP
#if SHARE > 1
    sum##i += weight##s * subgroupBroadcast(value##i, s##u);
#else
    sum##i += weight##s * read_value(value_at##s, i##u);
#endif
#end
#end
  }
  if (own < p.tq) {
    let scale = select(0.0, 1.0 / total, total > 0.0);
    let at = out_at(pair, own);
#repeat i CHUNKS
    write_target(at, i##u, sum##i * scale);
#end
    stats[pair * p.tq + own] = vec2(select(-negligible, best + log2(total), total > 0.0), 0.0);
  }
}
