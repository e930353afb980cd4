// C = A·B where A has at most ROWS rows (1, 2, 4 or 8): every value of B is used a few times only, so what counts is to read it
// once, in order, by many. COLUMNS · SPLIT invocations make ROWS × 4·COLUMNS results: an invocation sums four columns of all rows
// over its share of the quads of the summed axis, and where SPLIT > 1 the shares are added up in workgroup memory.
// Neighbours read neighbouring memory: shares of one column when B is transposed, columns otherwise. A may not be transposed.
// Against matmul/subgroup with one block of rows, by processor time, 512 × 512 and 1024 × 256: lavapipe 1.5 to 1.7 times as fast for one
// row, equal for two, 0.8 to 1.2 for four, 0.3 to 0.6 for eight (there the loads of A weigh, which a subgroup shares by broadcast);
// SwiftShader 1.1 to 1.7 for one row, equal for two, 0.7 for four. SPLIT 16 loses on both (0.5 to 0.9) and takes lavapipe up to 20 s
// to compile for eight rows. So software adapters take it for one row with SPLIT 1, hardware for up to eight with SPLIT 16, untimed.
#include "matmul/operands"
#if SPLIT > 1
var<workgroup> parts: array<vec4<f32>, COLUMNS * SPLIT>;
#endif

@compute @workgroup_size(COLUMNS * SPLIT)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(num_workgroups) groups: vec3<u32>,
        @builtin(local_invocation_index) local: u32) {
  let place = place_of(linear_group(group, groups), u32(ROWS), u32(4 * COLUMNS));
  if (place.z >= p.results) { return; }
#if SPLIT == 1
  let share = 0u;
  let column = (place.y * u32(COLUMNS) + local) * 4u;
#elif TRANSPOSE_B
  let share = local % u32(SPLIT);
  let column = (place.y * u32(COLUMNS) + local / u32(SPLIT)) * 4u;
#else
  let share = local / u32(COLUMNS);
  let column = (place.y * u32(COLUMNS) + local % u32(COLUMNS)) * 4u;
#endif
  let matrix = place.z % p.batch;
#repeat r ROWS
  let a_at##r = a_position(matrix, place.x * u32(ROWS) + r##u, 0u);
  var sum##r = vec4(0.0);
#end
#repeat e 4
#if TRANSPOSE_B
  let b_at##e = b_position(matrix, column + e##u, 0u);
#else
  let b_at##e = b_position(matrix, e##u, column);
#endif
#end
  let quads = quads_of(place.z / p.batch);
  for (var quad = quads.x + share; quad < quads.y; quad += u32(SPLIT)) {
#if TRANSPOSE_B
#repeat e 4
    let t##e = read_b(b_at##e, quad);
#end
    let b0 = vec4(t0.x, t1.x, t2.x, t3.x);
    let b1 = vec4(t0.y, t1.y, t2.y, t3.y);
    let b2 = vec4(t0.z, t1.z, t2.z, t3.z);
    let b3 = vec4(t0.w, t1.w, t2.w, t3.w);
#else
#repeat e 4
    let b##e = read_b(b_at##e, quad);
#end
#endif
#repeat r ROWS
    let a##r = read_a(a_at##r, quad);
    sum##r += a##r.x * b0 + a##r.y * b1 + a##r.z * b2 + a##r.w * b3;
#end
  }
  var sums = array<vec4<f32>, ROWS>(
#repeat r ROWS
    sum##r,
#end
  );
  for (var r = 0u; r < u32(ROWS); r++) {
    var total = sums[r];
#if SPLIT > 1
    workgroupBarrier();
    parts[local] = total;
    workgroupBarrier();
    if (share == 0u) {
      for (var i = 1u; i < u32(SPLIT); i++) {
#if TRANSPOSE_B
        total += parts[local + i];
#else
        total += parts[local + i * u32(COLUMNS)];
#endif
      }
      store(place.z, place.x * u32(ROWS) + r, column, total);
    }
#else
    store(place.z, place.x * u32(ROWS) + r, column, total);
#endif
  }
}
