// result[row, i] = signal(first + i) for rows that are pieces of longer signals, mirrored at the signals' ends without repeating the
// end sample, as a centred STFT pads them. pieces: [rows, p.samples]; table: for each row the position of its first result in the
// signal (may be negative), the position of the piece's first sample, and the signal's length. Positions that a piece does not
// hold give its nearest sample: frames made of them are blanked by whoever asked. Four results an invocation, lanes on neighbours.
#include "lib/index"
struct Params { samples: u32, length: u32, total: u32 }
@group(0) @binding(0) var<storage, read> pieces: array<f32>;
@group(0) @binding(1) var<storage, read> table: array<vec4<i32>>;
@group(0) @binding(2) var<storage, read_write> result: array<f32>;
var<immediate> p: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) lane: u32) {
  let begin = linear_group(group, groups) * 256u + lane;
  for (var k = 0u; k < 4u; k++) {
    let i = begin + k * 64u;
    if (i >= p.total) { return; }
    let row = i / p.length;
    let place = table[row];
    var at = abs(place.x + i32(i - row * p.length));
    let last = place.z - 1;
    at = select(at, 2 * last - at, at > last);
    let within = u32(clamp(at - place.y, 0, i32(p.samples) - 1));
    result[i] = pieces[row * p.samples + within];
  }
}
