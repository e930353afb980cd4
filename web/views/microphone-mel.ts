// The live log-mel: asks the worker for the frames that are new, keeps those of the last seconds, and draws them as they move past,
// at the screen's own rate. Not the microphone.
import { magma } from "../colour.js";
import { sharpContext } from "../dom.js";
import type { MelImage } from "../protocol.js";

/** Seconds from the left edge to the right. */
export const SHOWN = 8;
/** Frames at the ends of an answer that lean on samples which were not there: half a window and the resampler's reach. */
const EDGE = 2;
/** Frames between two questions at least: about 0.2 s. */
const HOP = 6;
/** Largest value at which the colours begin to span a silent room's noise less. */
const QUIET_TOP = 2;

export interface LiveMel {
  /** Asks for what is new in the signal. Call it again and again; it does nothing while it is busy or little is new. */
  step(): Promise<void>;
  /** Draws the state of a moment, in samples since the start. */
  draw(now: number): void;
  /** Frames that have been received. */
  readonly frames: number;
}

/** The samples [from, to) of the signal, at `sampleRate`, and how many there are. */
export interface Signal {
  readonly sampleRate: number;
  readonly count: number;
  slice(from: number, to: number): Float32Array;
}

export function liveMel(
  canvas: HTMLCanvasElement,
  signal: Signal,
  hopSeconds: number,
  ask: (samples: Float32Array, sampleRate: number) => Promise<MelImage>,
): LiveMel {
  const perFrame = hopSeconds * signal.sampleRate;
  const shown = SHOWN / hopSeconds;
  const ring = new MelRing(Math.ceil(shown) + 64);
  let busy = false;
  let lag = Number.NaN;

  return {
    get frames() {
      return ring.frames;
    },
    async step() {
      const ready = Math.floor(signal.count / perFrame);
      if (busy || ready - ring.frames < HOP + EDGE) return;
      // After a pause only what still fits the picture.
      if (ready - ring.frames > ring.columns) ring.frames = ready - ring.columns + EDGE;
      const start = Math.max(0, ring.frames - EDGE);
      busy = true;
      try {
        const samples = signal.slice(start * perFrame, signal.count);
        ring.take(await ask(samples, signal.sampleRate), start);
      } finally {
        busy = false;
      }
    },
    draw(now) {
      const context = sharpContext(canvas);
      if (!context) return;
      const { clientWidth: width, clientHeight: height } = canvas;
      context.fillStyle = `rgb(${magma[0]} ${magma[1]} ${magma[2]})`;
      context.fillRect(0, 0, width, height);
      if (ring.frames === 0) return;
      // The right edge runs with the clock, just late enough that there is always something to show.
      const clock = now / perFrame;
      const behind = clock - ring.frames;
      if (Number.isNaN(lag) || behind > lag + 30) lag = behind + HOP;
      else if (behind > lag) lag += Math.min(behind - lag, 0.5);
      else lag -= 0.004;
      ring.draw(context, width, height, { right: Math.min(ring.frames, clock - lag), shown });
    },
  };
}

/** The last frames, as numbers and as a strip of columns, both written round and round. */
class MelRing {
  /** That have been received. */
  frames = 0;
  private values = new Float32Array(0);
  private nMels = 0;
  private strip: OffscreenCanvas | undefined;
  private pen: OffscreenCanvasRenderingContext2D | null = null;
  /** What is drawn in the brightest colour. */
  private top = QUIET_TOP;

  constructor(readonly columns: number) {}

  /** Takes an answer whose first frame is number `start`. */
  take(mel: MelImage, start: number): void {
    const { columns } = this;
    if (!this.strip || mel.nMels !== this.nMels) {
      this.nMels = mel.nMels;
      this.values = new Float32Array(columns * mel.nMels);
      this.strip = new OffscreenCanvas(columns, mel.nMels);
      this.pen = this.strip.getContext("2d");
    }
    const from = this.frames;
    const to = start + mel.frames - EDGE;
    let loudest = this.top;
    for (let frame = from; frame < to; frame++) {
      const column = (frame % columns) * mel.nMels;
      for (let m = 0; m < mel.nMels; m++) {
        const value = mel.values[m * mel.frames + frame - start];
        this.values[column + m] = value;
        if (value > loudest) loudest = value;
      }
    }
    this.frames = Math.max(this.frames, to);
    if (loudest > 1.05 * this.top) {
      // Louder than all before: the colours of what is shown follow.
      this.top = loudest;
      this.paint(Math.max(0, this.frames - columns), this.frames);
    } else this.paint(from, this.frames);
  }

  /** Paints the columns of frames [from, to). */
  private paint(from: number, to: number): void {
    const { pen, columns, nMels, values, top } = this;
    if (!pen) return;
    const image = pen.createImageData(1, nMels);
    const pixels = new Uint32Array(image.data.buffer);
    const colours = new Uint32Array(magma.buffer);
    for (let frame = Math.max(0, from, to - columns); frame < to; frame++) {
      const column = frame % columns;
      for (let mel = 0; mel < nMels; mel++) {
        const share = values[column * nMels + mel] / top;
        pixels[nMels - 1 - mel] = colours[Math.max(0, Math.min(255, Math.round(255 * share)))];
      }
      pen.putImageData(image, column, 0);
    }
  }

  /** Draws `shown` frames up to number `right`, which need not be whole, at the right edge. */
  draw(
    context: CanvasRenderingContext2D,
    width: number,
    height: number,
    { right, shown }: { right: number; shown: number },
  ): void {
    const { strip, frames, columns, nMels } = this;
    if (!strip) return;
    const scale = width / shown;
    const left = Math.max(0, frames - columns + 1, Math.floor(right - shown));
    const end = Math.min(frames, Math.ceil(right));
    context.imageSmoothingEnabled = true;
    // The ring in at most two pieces.
    for (let from = left; from < end; ) {
      const column = from % columns;
      const count = Math.min(end - from, columns - column);
      const x = width - (right - from) * scale;
      context.drawImage(strip, column, 0, count, nMels, x, 0, count * scale + 0.5, height);
      from += count;
    }
  }
}
