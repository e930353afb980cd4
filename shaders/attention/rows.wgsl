// Reads and writes the i-th vec4 of the row whose first item is `at`; reads zeros after the row's end. One pair of functions
// for each buffer, since a storage buffer cannot be passed to a function everywhere.
fn read_query(at: u32, i: u32) -> vec4<f32> {
#if VEC4
  return query[at + i];
#else
  let part = 4u * i + vec4(0u, 1u, 2u, 3u);
  let x = at + min(part, vec4(ITEMS - 1u));
  return select(vec4(0.0), vec4(query[x.x], query[x.y], query[x.z], query[x.w]), part < vec4(ITEMS));
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
  let part = 4u * i + vec4(0u, 1u, 2u, 3u);
  let x = at + min(part, vec4(ITEMS - 1u));
  return select(vec4(0.0), vec4(key[x.x], key[x.y], key[x.z], key[x.w]), part < vec4(ITEMS));
#endif
}
fn read_value(at: u32, i: u32) -> vec4<f32> {
#if VEC4
  return value[at + i];
#else
  let part = 4u * i + vec4(0u, 1u, 2u, 3u);
  let x = at + min(part, vec4(ITEMS - 1u));
  return select(vec4(0.0), vec4(value[x.x], value[x.y], value[x.z], value[x.w]), part < vec4(ITEMS));
#endif
}
#endif
#if READ_GRAD
fn read_grad(at: u32, i: u32) -> vec4<f32> {
#if VEC4
  return grad[at + i];
#else
  let part = 4u * i + vec4(0u, 1u, 2u, 3u);
  let x = at + min(part, vec4(ITEMS - 1u));
  return select(vec4(0.0), vec4(grad[x.x], grad[x.y], grad[x.z], grad[x.w]), part < vec4(ITEMS));
#endif
}
#endif
#if READ_OUTPUT
fn read_output(at: u32, i: u32) -> vec4<f32> {
#if VEC4
  return output[at + i];
#else
  let part = 4u * i + vec4(0u, 1u, 2u, 3u);
  let x = at + min(part, vec4(ITEMS - 1u));
  return select(vec4(0.0), vec4(output[x.x], output[x.y], output[x.z], output[x.w]), part < vec4(ITEMS));
#endif
}
#endif
fn write_target(at: u32, i: u32, x: vec4<f32>) {
#if VEC4
  target_[at + i] = x;
#else
  let part = 4u * i;
  target_[at + part] = x.x;
  if (part + 1u < ITEMS) { target_[at + part + 1u] = x.y; }
  if (part + 2u < ITEMS) { target_[at + part + 2u] = x.z; }
  if (part + 3u < ITEMS) { target_[at + part + 3u] = x.w; }
#endif
}
#if WRITE_VALUE && PACKED
#define write_value write_target
#elif WRITE_VALUE
fn write_value(at: u32, i: u32, x: vec4<f32>) {
#if VEC4
  target_v[at + i] = x;
#else
  let part = 4u * i;
  target_v[at + part] = x.x;
  if (part + 1u < ITEMS) { target_v[at + part + 1u] = x.y; }
  if (part + 2u < ITEMS) { target_v[at + part + 2u] = x.z; }
  if (part + 3u < ITEMS) { target_v[at + part + 3u] = x.w; }
#endif
}
#endif
