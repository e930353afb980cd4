// Every family of kernels that is tuned, and how a device's tuner starts: with the shipped tables, and with what was measured
// on this adapter before.
import type { Capabilities } from "../gpu/capabilities.js";
import type { Device } from "../gpu/device.js";
import { type TuneMode, Tuner } from "../gpu/tuner.js";
import type { TuningStore } from "../gpu/tuner-store.js";
import type { Gpu } from "../tensor/gpu.js";
import { shippedFor } from "./tuned/index.js";
import { type Tunable, type TuningOptions, type TuningResult, tuneFor, tuneWanted } from "./tuning.js";
import { matmulTunable } from "./tuning-work.js";
import { attentionTunable } from "./tuning-work-attention.js";

/** Every family, with what is run to measure it. */
export const tunables: readonly Tunable[] = [matmulTunable, attentionTunable];

/** The tuner of a new device, for `DeviceOptions.tuner`: it knows every family that can be tuned. */
export function makeTuner(capabilities: Capabilities): Tuner {
  return new Tuner(
    capabilities,
    tunables.map(({ family }) => family),
  );
}

/** Gives a new device's tuner its tables and its mode; "off", which is the default, measures nothing. */
export async function startTuner(device: Device, store?: TuningStore, mode: TuneMode = "off"): Promise<void> {
  const { tuner, capabilities } = device;
  tuner.mode = mode;
  const shipped = shippedFor(capabilities);
  if (shipped) tuner.ship(shipped.families);
  if (store) await tuner.open(store);
}

/**
 * Measures what `work` will ask for and no table knows, without running it; call it before the work is captured, because a
 * recorded program keeps the kernels that it was recorded with. Does nothing where the tuner is off.
 */
export function tune(gpu: Gpu, work: () => void, options?: TuningOptions): Promise<TuningResult[]> {
  return tuneFor(gpu, tunables, work, options);
}

/** Measures everything that was asked for so far and that no table knows. */
export async function tuneUsed(gpu: Gpu, options?: TuningOptions): Promise<TuningResult[]> {
  return tuneWanted(gpu, tunables, options);
}
