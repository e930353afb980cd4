// Names of buckets: sizes that share a tuned choice. Pure.

/** The bucket of a size: half steps of powers of two, so that the sizes of one bucket lie within a factor of 1.42. */
export function bucketOf(size: number): number {
  return size <= 0 ? -1 : Math.round(2 * Math.log2(size));
}

/** The buckets of several sizes, with dots between. */
export function bucketsOf(...sizes: number[]): string {
  let name = "";
  for (let i = 0; i < sizes.length; i++) name += i === 0 ? bucketOf(sizes[i]) : `.${bucketOf(sizes[i])}`;
  return name;
}

/** A bucket's sizes for people, about: "≈512×384×96". */
export function showBuckets(name: string): string {
  const sizes = name
    .split(".")
    .map((part) => (part === "-1" ? "0" : String(Math.round(2 ** (Number(part) / 2)))));
  return `≈${sizes.join("×")}`;
}
