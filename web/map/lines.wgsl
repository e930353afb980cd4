// Lines of the map (ground, axes, a piece's path, links to neighbours): each a quad of its width in pixels with soft edges,
// fading with distance. What reaches behind the camera is cut there.

struct Frame {
  viewProjection: mat4x4f,
  background: vec4f,
  ink: vec4f,
  size: vec2f,
  ratio: f32,
  radius: f32,
  smallest: f32,
  front: f32,
  back: f32,
  unused: f32,
}

@group(0) @binding(0) var<uniform> frame: Frame;

struct Line {
  start: vec3f,
  width: f32,  // CSS pixels
  end: vec3f,
  colour: u32, // not premultiplied, 8 bits each
}

@group(0) @binding(1) var<storage, read> lines: array<Line>;

struct Varying {
  @builtin(position) position: vec4f,
  @location(0) across: f32, // device pixels from the middle
  @location(1) @interpolate(flat) half: f32,
  @location(2) colour: vec4f,
}

const NEAR = 0.06;

@vertex
fn place(@builtin(vertex_index) vertex: u32) -> Varying {
  let corner = (0x312210u >> (4u * (vertex % 6u))) & 3u; // two triangles: 0 1 2, 2 1 3
  let line = lines[vertex / 6u];
  let colour = unpack4x8unorm(line.colour);
  var a = frame.viewProjection * vec4f(line.start, 1.0);
  var b = frame.viewProjection * vec4f(line.end, 1.0);
  var out: Varying;
  if (a.w < NEAR && b.w < NEAR) {
    out.position = vec4f(0.0, 0.0, -1.0, 1.0);
    return out;
  }
  if (a.w < NEAR) { a = mix(a, b, (NEAR - a.w) / (b.w - a.w)); }
  if (b.w < NEAR) { b = mix(b, a, (NEAR - b.w) / (a.w - b.w)); }
  let along = (b.xy / b.w - a.xy / a.w) * frame.size;
  let direction = along / max(length(along), 1e-6);
  let normal = vec2f(-direction.y, direction.x);
  out.half = 0.5 * line.width * frame.ratio;
  let reach = out.half + 1.0;
  let side = select(-1.0, 1.0, (corner & 1u) == 1u);
  let at = select(a, b, corner >= 2u);
  out.across = side * reach;
  out.position = at + vec4f(normal * out.across * 2.0 / frame.size * at.w, 0.0, 0.0);
  let t = saturate((at.w - frame.front) / (frame.back - frame.front));
  out.colour = vec4f(colour.rgb, colour.a * (1.0 - 0.6 * t));
  return out;
}

@fragment
fn shade(in: Varying) -> @location(0) vec4f {
  let cover = saturate(in.half - abs(in.across) + 0.5) * in.colour.a;
  return vec4f(in.colour.rgb * cover, cover);
}
