// The map's points: discs with a soft edge of one pixel, farthest first over one another (no depth buffer). Far points fade into
// the background. Each is two triangles of one list: a software adapter draws that four times faster than instances of a quad.
// Lines are in lines.wgsl.

struct Frame {
  viewProjection: mat4x4f,
  background: vec4f, // not premultiplied
  ink: vec4f,
  size: vec2f,       // of the canvas, in device pixels
  ratio: f32,        // device pixels per CSS pixel
  radius: f32,       // of a point at view distance 1, in device pixels
  smallest: f32,     // device pixels
  front: f32,        // view distance of the ball's front and back
  back: f32,
  unused: f32,
}

struct Point {
  position: vec3f,
  colour: u32, // rgb as 8 bits each; the look in the highest 8
}

@group(0) @binding(0) var<uniform> frame: Frame;
@group(0) @binding(1) var<storage, read> points: array<Point>;
@group(0) @binding(2) var<storage, read> order: array<u32>;

const DIM = 1u;
const RING = 2u;
const FOCUS = 3u;

struct Varying {
  @builtin(position) position: vec4f,
  @location(0) offset: vec2f, // from the middle, in device pixels
  @location(1) @interpolate(flat) radius: f32,
  @location(2) @interpolate(flat) colour: vec3f,
  @location(3) @interpolate(flat) look: u32,
}

@vertex
fn place(@builtin(vertex_index) vertex: u32) -> Varying {
  let corner = (0x312210u >> (4u * (vertex % 6u))) & 3u; // two triangles: 0 1 2, 2 1 3
  let point = points[order[vertex / 6u]];
  let look = point.colour >> 24u;
  let at = frame.viewProjection * vec4f(point.position, 1.0);
  let distance = max(at.w, 0.05);
  let growth = select(select(1.0, 1.45, look == RING), 1.9, look == FOCUS);
  let radius = max(frame.smallest, frame.radius / distance) * growth;
  let reach = radius + 1.0 + select(0.0, 3.0 * frame.ratio, look >= RING); // room for the soft edge and the ring
  let side = vec2f(f32(corner & 1u), f32(corner >> 1u)) * 2.0 - 1.0;
  var out: Varying;
  out.offset = side * reach;
  out.position = at + vec4f(out.offset * 2.0 / frame.size * at.w, 0.0, 0.0);
  out.radius = radius;
  out.look = look;
  let t = saturate((at.w - frame.front) / (frame.back - frame.front));
  let fade = select(0.55 * t, 0.62 + 0.22 * t, look == DIM);
  out.colour = mix(unpack4x8unorm(point.colour).rgb, frame.background.rgb, fade);
  return out;
}

@fragment
fn shade(in: Varying) -> @location(0) vec4f {
  let distance = length(in.offset);
  let disc = saturate(in.radius - distance + 0.5);
  // A rim of the background's colour keeps discs apart where they overlap.
  let rim = saturate(distance - (in.radius - max(0.75 * frame.ratio, 0.16 * in.radius)) + 0.5);
  let body = mix(in.colour, frame.background.rgb, 0.55 * rim);
  var colour = vec4f(body, 1.0) * disc;
  if (in.look >= RING) {
    let ring = saturate(1.25 * frame.ratio - abs(distance - in.radius - 1.2 * frame.ratio) + 0.5);
    colour = vec4f(frame.ink.rgb, 1.0) * ring + colour * (1.0 - ring);
  }
  return colour;
}
