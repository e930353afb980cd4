// IEEE 754 half precision (binary16) in JavaScript, whose engines lack Float16Array where we run: bits to numbers and back,
// rounded to nearest, ties to even. Not here: tensors of that type (tensor.ts).

/** The 16 bits of the half nearest to `value`; what rounds beyond 65 504 is infinite, a NaN stays a (quiet) NaN. */
export function halfBits(value: number): number {
  if (Number.isNaN(value)) return 0x7e00;
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const size = Math.abs(value);
  if (size >= 65520) return sign | 0x7c00;
  // Below 2⁻¹⁴ halves are multiples of 2⁻²⁴; a carry out of the fraction makes the smallest normal number, as it should.
  if (size < 2 ** -14) return sign | roundToEven(size * 2 ** 24);
  const exponent = exponentOf(size);
  return sign | (((exponent + 15) << 10) + roundToEven((size * 2 ** -exponent - 1) * 1024));
}

/** The number that 16 bits stand for. Exact. */
export function halfValue(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 0x3ff;
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** The bits of each value. */
export function toHalf(values: ArrayLike<number>): Uint16Array<ArrayBuffer> {
  return Uint16Array.from(values, halfBits);
}

/** The value of each pattern. */
export function fromHalf(bits: Uint16Array): Float32Array<ArrayBuffer> {
  return Float32Array.from(bits, halfValue);
}

/** `x` ≥ 0 rounded to a whole number, halves to the even one. Exact below 2⁵². */
function roundToEven(x: number): number {
  const down = Math.floor(x);
  const rest = x - down;
  return rest > 0.5 || (rest === 0.5 && down % 2 === 1) ? down + 1 : down;
}

const scratch = new DataView(new ArrayBuffer(8));

/** ⌊log₂ x⌋ of a normal number, from its bits. */
function exponentOf(x: number): number {
  scratch.setFloat64(0, x);
  return ((scratch.getUint16(0) >> 4) & 0x7ff) - 1023;
}
