// What a dispatch costs that does next to nothing: one workgroup, one store.
@group(0) @binding(0) var<storage, read_write> target_: array<vec4<f32>>;

@compute @workgroup_size(1)
fn main() {
  target_[0] = vec4(1.0);
}
