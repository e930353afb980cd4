// Spectrograms [B, mels, frames] ↔ patches [B, tokens, patch_mels·patch_frames]: normalised on the way in, (x − mean)·scale, and back on
// the way out (INVERSE 1; frames beyond the last whole patch become `mean`). Tokens are time-major: all bands of the first
// patch_frames frames, low to high, then the next; a patch is row-major [mel, frame]. Lanes walk the result in order.
#include "lib/index"
struct Params { total: u32, mels: u32, frames: u32, patch_mels: u32, patch_frames: u32, columns: u32, mean: f32, scale: f32 }
@group(0) @binding(0) var<storage, read> source: array<f32>;
@group(0) @binding(1) var<storage, read_write> result: array<f32>;
var<immediate> p: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let begin = linear_group(group, groups) * 256u + lane;
  let bands = p.mels / p.patch_mels;
  for (var k = 0u; k < 4u; k++) {
    let i = begin + k * 64u;
    if (i >= p.total) { return; }
#if INVERSE
    let frame = i % p.frames;
    let row = i / p.frames;
    let mel = row % p.mels;
    let clip = row / p.mels;
    let column = frame / p.patch_frames;
    if (column >= p.columns) {
      result[i] = p.mean;
    } else {
      let token = (clip * p.columns + column) * bands + mel / p.patch_mels;
      let at = (token * p.patch_mels + mel % p.patch_mels) * p.patch_frames + frame % p.patch_frames;
      result[i] = source[at] / p.scale + p.mean;
    }
#else
    let f = i % p.patch_frames;
    let row = i / p.patch_frames;
    let m = row % p.patch_mels;
    let token = row / p.patch_mels;
    let band = token % bands;
    let slice = token / bands;
    let column = slice % p.columns;
    let clip = slice / p.columns;
    let at = (clip * p.mels + band * p.patch_mels + m) * p.frames + column * p.patch_frames + f;
    result[i] = (source[at] - p.mean) * p.scale;
#endif
  }
}
