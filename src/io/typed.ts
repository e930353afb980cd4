// Numbers that stand in bytes as a typed array of their own kind, whatever kind of byte array they come in and wherever they
// begin. Little-endian, as every machine that we run on is. Not here: any file format.

/** A typed array's constructor. */
export interface TypedArrayType<T> {
  readonly BYTES_PER_ELEMENT: number;
  new (buffer: ArrayBufferLike, byteOffset: number, length: number): T;
}

/**
 * The elements in bytes `begin` to `end`: a view of the same memory where that is aligned for the type, else a copy. A Node
 * Buffer's `slice` is a view of a pool that many share, so the copy is made here and never by the byte array's own method.
 */
export function typedElements<T>(type: TypedArrayType<T>, bytes: Uint8Array, begin: number, end: number): T {
  const count = (end - begin) / type.BYTES_PER_ELEMENT;
  const offset = bytes.byteOffset + begin;
  if (offset % type.BYTES_PER_ELEMENT === 0) return new type(bytes.buffer, offset, count);
  return new type(Uint8Array.prototype.slice.call(bytes, begin, end).buffer, 0, count);
}
