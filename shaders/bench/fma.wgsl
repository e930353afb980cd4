// The arithmetic ceiling: eight independent chains of vec4 multiply-adds in registers, `rounds` times, nothing loaded. FUSED 1
// uses fma(), 0 leaves a·b + c to the compiler; the better of the two counts. 64 flops an invocation and round.
struct Params { rounds: u32, a: f32, b: f32 }
@group(0) @binding(0) var<storage, read_write> target_: array<vec4<f32>>;
var<immediate> p: Params;

#if FUSED
fn step(x: vec4<f32>, a: vec4<f32>, b: vec4<f32>) -> vec4<f32> { return fma(x, a, b); }
#else
fn step(x: vec4<f32>, a: vec4<f32>, b: vec4<f32>) -> vec4<f32> { return x * a + b; }
#endif

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let a = vec4(p.a);
  let b = vec4(p.b);
#repeat i 8
  var x##i = vec4(f32(id.x + i##u));
#end
  for (var round = 0u; round < p.rounds; round++) {
#repeat i 8
    x##i = step(x##i, a, b);
#end
  }
  target_[id.x] = ((x0 + x1) + (x2 + x3)) + ((x4 + x5) + (x6 + x7));
}
