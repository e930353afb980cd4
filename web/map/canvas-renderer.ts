// Draws the map on a 2-D canvas where the page has no WebGPU: the same lines and discs in the same order, only slower.
import { type mat4, vec4 } from "gl-matrix";
import {
  type Frame,
  fade,
  growth,
  Look,
  pixelSize,
  type Renderer,
  type Rgba,
  type Scene,
  SMALLEST,
} from "./scene.js";

/** undefined where the canvas gives no 2-D context either. */
export function openCanvasRenderer(canvas: HTMLCanvasElement): Renderer | undefined {
  const context = canvas.getContext("2d");
  if (!context) return undefined;
  return {
    kind: "canvas",
    draw: (scene, frame) => draw(context, scene, frame),
    finished: () => Promise.resolve(),
    dispose: () => {},
  };
}

function draw(context: CanvasRenderingContext2D, scene: Scene, frame: Frame): void {
  context.setTransform(frame.ratio, 0, 0, frame.ratio, 0, 0);
  context.clearRect(0, 0, frame.width, frame.height);
  drawLines(context, scene, frame);
  const { projected, order } = frame;
  const scale = scene.size * pixelSize(frame);
  const ink = css(scene.ink, scene.ink, 0);
  for (const i of order) {
    const x = projected[3 * i];
    const y = projected[3 * i + 1];
    const distance = projected[3 * i + 2];
    if (Number.isNaN(x)) continue;
    const look = scene.looks[i];
    const radius = Math.max(SMALLEST, scale / distance) * growth(look);
    const colour = scene.colours.subarray(4 * i, 4 * i + 4);
    context.fillStyle = css(colour, scene.background, fade(distance, frame, look === Look.Dim));
    context.beginPath();
    context.arc(x, y, radius, 0, 2 * Math.PI);
    context.fill();
    if (look >= Look.Ring) {
      context.strokeStyle = ink;
      context.lineWidth = 2.5;
      context.beginPath();
      context.arc(x, y, radius + 1.2, 0, 2 * Math.PI);
      context.stroke();
    }
  }
}

const NEAR = 0.06;

function drawLines(context: CanvasRenderingContext2D, scene: Scene, frame: Frame): void {
  const at = (point: ArrayLike<number>) =>
    vec4.transformMat4(vec4.create(), [point[0], point[1], point[2], 1], frame.viewProjection as mat4);
  const onScreen = (p: vec4): [number, number] => [
    (p[0] / p[3] + 1) * 0.5 * frame.width,
    (1 - p[1] / p[3]) * 0.5 * frame.height,
  ];
  for (const { from, to, colour, width } of scene.lines) {
    let a = at(from);
    let b = at(to);
    if (a[3] < NEAR && b[3] < NEAR) continue;
    if (a[3] < NEAR) a = vec4.lerp(vec4.create(), a, b, (NEAR - a[3]) / (b[3] - a[3]));
    if (b[3] < NEAR) b = vec4.lerp(vec4.create(), b, a, (NEAR - b[3]) / (a[3] - b[3]));
    const t = Math.min(1, Math.max(0, ((a[3] + b[3]) / 2 - frame.front) / (frame.back - frame.front)));
    context.strokeStyle = `rgb(${colour[0]} ${colour[1]} ${colour[2]} / ${((colour[3] / 255) * (1 - 0.6 * t)).toFixed(3)})`;
    context.lineWidth = width;
    context.beginPath();
    context.moveTo(...onScreen(a));
    context.lineTo(...onScreen(b));
    context.stroke();
  }
}

function css(colour: ArrayLike<number>, towards: Rgba, share: number): string {
  const mix = (k: number) => Math.round(colour[k] + (towards[k] - colour[k]) * share);
  return `rgb(${mix(0)} ${mix(1)} ${mix(2)})`;
}
