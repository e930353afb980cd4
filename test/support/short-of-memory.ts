// A device that has no memory for some buffers, as WebGPU has it: what it gives back is an invalid buffer, and the news comes with the
// error scope or, without one, as an event. Everything else is the real device's.

export interface Shortage {
  /** Whether a buffer of so many bytes is refused: the how-manieth it is, from 0, and the bytes of all that live. */
  refuses(bytes: number, nth: number, live: number): boolean;
}

/** What has been asked of a device since. */
export interface Allocations {
  count: number;
  /** The most bytes that lived at once. */
  peak: number;
}

class GPUOutOfMemoryError {
  constructor(readonly message: string) {}
}

/** Makes `device` refuse buffers from here on. */
export function shortOfMemory(device: GPUDevice, { refuses }: Shortage): Allocations {
  const real = {
    createBuffer: device.createBuffer.bind(device),
    pushErrorScope: device.pushErrorScope.bind(device),
    popErrorScope: device.popErrorScope.bind(device),
  };
  const made: Allocations = { count: 0, peak: 0 };
  const scopes: { filter: GPUErrorFilter; found?: GPUOutOfMemoryError }[] = [];
  let live = 0;

  const refuse = (descriptor: GPUBufferDescriptor): GPUBuffer => {
    const error = new GPUOutOfMemoryError(`refused by the test: ${descriptor.size} bytes`);
    const scope = scopes.findLast(({ filter }) => filter === "out-of-memory");
    if (scope) scope.found ??= error;
    else device.dispatchEvent(Object.assign(new Event("uncapturederror", { cancelable: true }), { error }));
    real.pushErrorScope("validation");
    const invalid = real.createBuffer({ size: descriptor.size, usage: 0, label: descriptor.label });
    void real.popErrorScope().catch(() => {});
    return invalid;
  };

  Object.assign(device, {
    createBuffer(descriptor: GPUBufferDescriptor): GPUBuffer {
      if (refuses(descriptor.size, made.count++, live)) return refuse(descriptor);
      const buffer = real.createBuffer(descriptor);
      live += descriptor.size;
      made.peak = Math.max(made.peak, live);
      const destroy = buffer.destroy.bind(buffer);
      let alive = true;
      buffer.destroy = () => {
        if (alive) live -= descriptor.size;
        alive = false;
        return destroy();
      };
      return buffer;
    },
    pushErrorScope(filter: GPUErrorFilter): undefined {
      scopes.push({ filter });
      return real.pushErrorScope(filter);
    },
    async popErrorScope(): Promise<GPUError | null> {
      const scope = scopes.pop();
      const error = await real.popErrorScope();
      return error ?? (scope?.found as GPUError | undefined) ?? null;
    },
  });
  return made;
}
