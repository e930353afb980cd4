// Changing the sample rate on the GPU by windowed-sinc interpolation in closed form, as torchaudio's `resample` has it. Not
// differentiable. Not here: decoding and mixing down.
import { ShapeError, UsageError } from "../gpu/errors.js";
import { foldGroups } from "../ops/launch.js";
import { slice } from "../ops/move.js";
import type { Gpu } from "../tensor/gpu.js";
import type { Tensor } from "../tensor/tensor.js";
import { clipsOf } from "./log-mel.js";

/** Filter of a resampler. */
export interface ResampleOptions {
  /** Zero crossings of the sinc on each side. Default 6. */
  lowpassWidth?: number;
  /** Cut-off as a part of the lower rate's half. Default 0.99. */
  rolloff?: number;
}

/** A polyphase kernel: output m is Σ_u taps[u·to + m % to] · x[⌊m / to⌋·from + first[m % to] + u]. */
export interface ResampleKernel {
  /** The rates divided by their greatest common divisor. */
  from: number;
  to: number;
  /** Taps of each phase. */
  length: number;
  /** [length, to] */
  taps: Float32Array;
  /** [to] */
  first: Int32Array;
}

/** Taps of the largest kernel, 64 MiB of them: enough for any two rates of up to 1 MHz. */
const mostTaps = 2 ** 24;

/**
 * The kernel of torchaudio's `sinc_interpolation` with a Hann window (`_get_sinc_resample_kernel`), in float64: with o and n the
 * reduced rates and b = 0.99·min(o, n), input i weighs sinc(πt)·cos²(πt/12)·b/o in output j, t = b·(i/o − j/n), |t| < 6. Only the
 * inputs with |t| < 6 are kept, so that rates without a common divisor stay cheap.
 *
 * @throws UsageError for rates that are not positive whole numbers, or whose kernel would be absurdly large
 */
export function resampleKernel(
  fromRate: number,
  toRate: number,
  { lowpassWidth = 6, rolloff = 0.99 }: ResampleOptions = {},
): ResampleKernel {
  if (!(lowpassWidth > 0) || !(rolloff > 0) || rolloff > 1)
    throw new UsageError("Resampling needs a positive lowpassWidth and a rolloff in (0, 1].");
  for (const rate of [fromRate, toRate]) {
    if (!Number.isInteger(rate) || rate < 1)
      throw new UsageError(`A sample rate must be a positive whole number of Hz, not ${rate}.`);
  }
  const divisor = gcd(fromRate, toRate);
  const from = fromRate / divisor;
  const to = toRate / divisor;
  const base = Math.min(from, to) * rolloff;
  const reach = (lowpassWidth * from) / base;
  const length = Math.floor(2 * reach) + 1;
  if (length * to > mostTaps)
    throw new UsageError(
      `Resampling from ${fromRate} to ${toRate} Hz needs ${length * to} taps, more than the ${mostTaps} that are made: choose rates with a larger common divisor.`,
    );
  const taps = new Float32Array(length * to);
  const first = new Int32Array(to);
  for (let j = 0; j < to; j++) {
    const centre = (j * from) / to;
    first[j] = Math.ceil(centre - reach);
    for (let u = 0; u < length; u++) {
      // (i·to − j·from) is a whole number, so the phase is exact.
      const t = (base * ((first[j] + u) * to - j * from)) / (from * to);
      if (Math.abs(t) >= lowpassWidth) continue;
      const sinc = t === 0 ? 1 : Math.sin(Math.PI * t) / (Math.PI * t);
      const window = Math.cos((Math.PI * t) / lowpassWidth / 2) ** 2;
      taps[u * to + j] = (sinc * window * base) / from;
    }
  }
  return { from, to, length, taps, first };
}

/** Samples that `samples` become: ⌈samples · to / from⌉. */
export function resampledLength(samples: number, fromRate: number, toRate: number): number {
  const divisor = gcd(fromRate, toRate);
  return Math.ceil((samples * (toRate / divisor)) / (fromRate / divisor));
}

/**
 * Resamples waveforms [B, n] or [n] from one rate (Hz) to another → [B, ⌈n·to/from⌉] (or of rank 1). Equal rates give an alias.
 * For signals that are long or not on the GPU yet, see `resampleSignal`.
 */
export function resample(
  waveform: Tensor,
  fromRate: number,
  toRate: number,
  options: ResampleOptions = {},
): Tensor {
  const { gpu } = waveform;
  const [clips, samples] = clipsOf(waveform);
  if (fromRate === toRate) return waveform.alias();
  const { kernel, tapsOnGpu, firstOnGpu } = kernelOn(gpu, fromRate, toRate, options);
  const length = resampledLength(samples, fromRate, toRate);
  const quads = Math.ceil(length / kernel.to / 4);
  const total = clips * quads * kernel.to;
  if (clips * samples > 2 ** 31 || clips * length > 2 ** 31)
    throw new ShapeError("Waveforms of more than 2³¹ samples cannot be resampled at once.");
  const result = gpu.empty(waveform.shape.length === 1 ? [length] : [clips, length]);
  gpu.device.run(
    gpu.device.kernel("audio/resample"),
    [waveform.block, tapsOnGpu.block, firstOnGpu.block, result.block],
    { samples, length, quads, total, step: kernel.from, phases: kernel.to, taps: kernel.length },
    foldGroups(Math.ceil(total / 64)),
  );
  return result;
}

/**
 * Resamples a signal of any length in pieces, so that it needs little memory on the GPU and no binding grows past its
 * limit. The pieces together equal one `resample` of the whole.
 */
export async function resampleSignal(
  gpu: Gpu,
  samples: Float32Array,
  fromRate: number,
  toRate: number,
  options: ResampleOptions & { samplesAtOnce?: number } = {},
): Promise<Float32Array> {
  if (fromRate === toRate) return samples.slice();
  const { from, to } = kernelOn(gpu, fromRate, toRate, options).kernel;
  const result = new Float32Array(resampledLength(samples.length, fromRate, toRate));
  const step = to * Math.max(1, Math.floor((options.samplesAtOnce ?? 1 << 21) / from));
  for (let begin = 0; begin < result.length; begin += step) {
    const end = Math.min(begin + step, result.length);
    const piece = gpu.scope(() => resamplePart(gpu, samples, fromRate, toRate, begin, end, options));
    result.set(await piece.data(), begin);
    piece.dispose();
  }
  return result;
}

/**
 * Samples `begin` to `end` of what `resample` gives of a signal that is not on the GPU yet → [end − begin]. Only what they are made from
 * is uploaded.
 */
export function resamplePart(
  gpu: Gpu,
  samples: Float32Array,
  fromRate: number,
  toRate: number,
  begin: number,
  end: number,
  options: ResampleOptions = {},
): Tensor {
  if (fromRate === toRate) return gpu.tensor(samples.subarray(begin, end), [end - begin]);
  const { from, to, length } = kernelOn(gpu, fromRate, toRate, options).kernel;
  const margin = Math.ceil(length / from); // blocks of `from` input samples that the kernel reaches beyond those of the part
  const first = Math.max(0, Math.floor(begin / to) - margin);
  const last = Math.ceil(end / to) + margin;
  const piece = samples.subarray(first * from, last * from);
  const output = resample(gpu.tensor(piece, [piece.length]), fromRate, toRate, options);
  const skip = first * to;
  return output.size === end - begin ? output : slice(output, [[begin - skip, end - skip]]);
}

interface KernelOnGpu {
  kernel: ResampleKernel;
  tapsOnGpu: Tensor;
  firstOnGpu: Tensor;
}

/** Kernels by rates: a handful in practice, a few KiB each. */
const caches = new WeakMap<Gpu, Map<string, KernelOnGpu>>();

function kernelOn(gpu: Gpu, fromRate: number, toRate: number, options: ResampleOptions): KernelOnGpu {
  let cache = caches.get(gpu);
  if (!cache) {
    cache = new Map();
    caches.set(gpu, cache);
  }
  const key = `${fromRate}/${toRate}/${options.lowpassWidth}/${options.rolloff}`;
  let entry = cache.get(key);
  if (!entry) {
    const kernel = resampleKernel(fromRate, toRate, options);
    entry = {
      kernel,
      tapsOnGpu: gpu.tensor(kernel.taps, [kernel.taps.length]).keep(),
      firstOnGpu: gpu.tensor(kernel.first, [kernel.first.length]).keep(),
    };
    cache.set(key, entry);
  }
  return entry;
}

function gcd(a: number, b: number): number {
  return b === 0 ? a : gcd(b, a % b);
}
