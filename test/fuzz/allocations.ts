// Refuses arrays that a file's numbers made absurdly large: while it is on, making an ArrayBuffer or a typed array beyond the limit throws.
// Memory that is asked for and never touched does not show in the process's size, so that is asked here. Memory of WASM decoders is not
// seen here; the command watches the process for it.

/** No reader needs more for one of our small files. */
export const allocationLimit = 2 ** 28;

/** Thrown where a reader asks for too much; not one of the project's own errors, so that it counts as a failure. */
export class AllocationError extends Error {
  override name = "AllocationError";
}

const names = [
  "ArrayBuffer",
  "Uint8Array",
  "Int8Array",
  "Uint16Array",
  "Int16Array",
  "Uint32Array",
  "Int32Array",
  "Float32Array",
  "Float64Array",
  "BigInt64Array",
] as const;

/** Watches allocations from here on, in this process; import what is to be watched afterwards. Returns what ends it. */
export function watchAllocations(): () => void {
  const scope = globalThis as unknown as Record<string, new (...args: unknown[]) => object>;
  const before = names.map((name) => scope[name]);
  for (const [i, name] of names.entries()) {
    const width = (before[i] as unknown as { BYTES_PER_ELEMENT?: number }).BYTES_PER_ELEMENT ?? 1;
    scope[name] = new Proxy(before[i], {
      construct(target, args: unknown[], newTarget) {
        const [asked] = args;
        if (typeof asked === "number" && asked * width > allocationLimit) {
          throw new AllocationError(`${name} of ${asked} elements`);
        }
        return Reflect.construct(target, args, newTarget) as object;
      },
    });
  }
  return () => {
    for (const [i, name] of names.entries()) scope[name] = before[i];
  };
}
