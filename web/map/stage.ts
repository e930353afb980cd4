// The place where the map is drawn: its canvas, the renderer on it, the camera's orbit, and drawing only when something has
// changed. It opens WebGPU, opens it anew when the page's device is lost, and falls back to a 2-D canvas. It knows points and
// lines, not clips (web/views/map.ts), and no pointer (controls.ts).
import { HOME, type Matrices, matrices, type Orbit, project } from "./camera.js";
import { openCanvasRenderer } from "./canvas-renderer.js";
import { openGpuRenderer } from "./gpu-renderer.js";
import { farthestFirst, pick } from "./picking.js";
import { emptyScene, pixelSize, type Renderer, type Scene, SMALLEST } from "./scene.js";

/** A device that goes more often than this within a minute is given up for the 2-D canvas. */
const MOST_LOSSES = 3;
/**
 * Milliseconds after a first picture by which the canvas has proved itself. A browser that cannot show a WebGPU canvas loses all
 * its devices at the first one, the engine's too: that must not be tried twice.
 */
const PROOF = 500;

export interface StageOptions {
  /** How it draws, and why not with WebGPU where that is so. */
  onRenderer?(kind: Renderer["kind"], why: string | undefined): void;
  /** After each drawing. */
  onDraw?(stage: Stage): void;
}

export class Stage {
  readonly scene: Scene = emptyScene();
  /** Pictures drawn so far, and the script's milliseconds for the last one. */
  draws = 0;
  lastMs = 0;
  canvas: HTMLCanvasElement;
  private orbitNow: Orbit = { ...HOME };
  private renderer?: Renderer;
  private asked = 0;
  private losses: number[] = [];
  private proven = false;
  private disposed = false;
  private width = 0;
  private height = 0;
  private projected = new Float32Array(0);
  private order = new Uint32Array(0);
  private matricesNow: Matrices = matrices(HOME, 1);
  private projectedFor = "";
  private readonly observer: ResizeObserver;

  constructor(
    readonly host: HTMLElement,
    private readonly options: StageOptions = {},
  ) {
    this.canvas = this.makeCanvas();
    this.observer = new ResizeObserver(() => this.measure());
    this.observer.observe(host);
    this.measure();
    void this.open(undefined);
  }

  get orbit(): Orbit {
    return this.orbitNow;
  }

  set orbit(orbit: Orbit) {
    this.orbitNow = orbit;
    this.invalidate();
  }

  /** CSS pixels. */
  get size(): { width: number; height: number } {
    return { width: this.width, height: this.height };
  }

  /** Draws once, before the screen is next painted. */
  invalidate(): void {
    if (this.asked !== 0 || this.disposed) return;
    this.asked = requestAnimationFrame(() => {
      this.asked = 0;
      this.draw();
    });
  }

  /** Positions, colours or looks have changed. */
  pointsChanged(): void {
    this.scene.pointsVersion++;
    this.invalidate();
  }

  linesChanged(): void {
    this.scene.linesVersion++;
    this.invalidate();
  }

  /** Where the points fall now: [n, 3] of x and y in CSS pixels of the canvas, and the view distance. */
  screen(): Float32Array {
    const { scene } = this;
    const { yaw, pitch, distance } = this.orbitNow;
    const key = `${yaw} ${pitch} ${distance} ${this.width} ${this.height} ${scene.pointsVersion}`;
    if (key === this.projectedFor) return this.projected;
    this.projectedFor = key;
    this.matricesNow = matrices(this.orbitNow, this.width / Math.max(1, this.height));
    if (this.projected.length !== scene.positions.length) {
      this.projected = new Float32Array(scene.positions.length);
      this.order = new Uint32Array(scene.positions.length / 3);
    }
    project(scene.positions, this.matricesNow.viewProjection, this.width, this.height, this.projected);
    return this.projected;
  }

  /** The point at a place of the canvas in CSS pixels; −1 for none. `slack` pixels beside a point still count. */
  pick(x: number, y: number, slack = 5): number {
    return pick(this.screen(), x, y, this.scene.size * pixelSize({ height: this.height }), SMALLEST, slack);
  }

  /** Resolves when the last picture is on the canvas. */
  async finished(): Promise<void> {
    await this.renderer?.finished();
  }

  dispose(): void {
    this.disposed = true;
    cancelAnimationFrame(this.asked);
    this.observer.disconnect();
    this.renderer?.dispose();
  }

  /** Draws now. */
  draw(): void {
    if (!this.renderer || this.width === 0 || this.height === 0) return;
    const start = performance.now();
    const projected = this.screen();
    farthestFirst(projected, this.order);
    const { eye, viewProjection } = this.matricesNow;
    const distance = Math.hypot(...eye);
    this.renderer.draw(this.scene, {
      viewProjection,
      width: this.width,
      height: this.height,
      ratio: this.canvas.width / this.width,
      projected,
      order: this.order,
      front: Math.max(0.1, distance - 1),
      back: distance + 1,
    });
    if (this.draws++ === 0) this.prove(this.renderer).catch(() => {});
    this.lastMs = performance.now() - start;
    this.options.onDraw?.(this);
  }

  private makeCanvas(): HTMLCanvasElement {
    const canvas = document.createElement("canvas");
    canvas.setAttribute("aria-hidden", "true");
    this.host.prepend(canvas);
    return canvas;
  }

  private measure(): void {
    const { clientWidth, clientHeight } = this.host;
    const ratio = Math.min(2, window.devicePixelRatio || 1);
    const wide = Math.round(clientWidth * ratio);
    const high = Math.round(clientHeight * ratio);
    this.width = clientWidth;
    this.height = clientHeight;
    if (this.canvas.width !== wide || this.canvas.height !== high) {
      this.canvas.width = wide;
      this.canvas.height = high;
      // A resized canvas is empty: draw within this turn, so that it is never seen so.
      this.draw();
    }
  }

  /** Opens a renderer; `lost` says why the one before went. */
  private async open(lost: string | undefined): Promise<void> {
    const now = performance.now();
    this.losses = this.losses.filter((time) => now - time < 60_000);
    if (lost !== undefined) this.losses.push(now);
    let why = "this browser has no WebGPU, or no adapter for it.";
    if (lost !== undefined && (!this.proven || this.losses.length > MOST_LOSSES)) {
      why = `WebGPU lost its device ${this.proven ? "several times" : "at the first picture"} (${lost}).`;
    } else {
      try {
        const renderer = await openGpuRenderer(this.canvas, (reason) => this.reopen(reason));
        if (renderer) return this.use(renderer, undefined);
        if (lost !== undefined) why = `WebGPU lost its device (${lost}) and gave no other.`;
      } catch (error) {
        why = error instanceof Error ? error.message : String(error);
      }
    }
    if (this.disposed) return;
    // A canvas that has had another kind of context gives no 2-D one.
    this.canvas.remove();
    this.canvas = this.makeCanvas();
    this.measure();
    const renderer = openCanvasRenderer(this.canvas);
    if (renderer) this.use(renderer, why);
  }

  private reopen(reason: string): void {
    this.renderer = undefined;
    void this.open(reason);
  }

  /** Notes that what this renderer drew has been on the screen for a while. */
  private async prove(renderer: Renderer): Promise<void> {
    await renderer.finished();
    await new Promise((done) => setTimeout(done, PROOF));
    if (this.renderer === renderer) this.proven = true;
  }

  private use(renderer: Renderer, why: string | undefined): void {
    if (this.disposed) {
      renderer.dispose();
      return;
    }
    this.renderer = renderer;
    // A new renderer has uploaded nothing.
    this.scene.pointsVersion++;
    this.scene.linesVersion++;
    this.options.onRenderer?.(renderer.kind, why);
    this.invalidate();
  }
}
