// The same bytes as every kind of byte array that a caller may hold, at every offset from 0 to 7 of the memory behind it.

export function everyView(content: Uint8Array): { what: string; bytes: Uint8Array }[] {
  const views: { what: string; bytes: Uint8Array }[] = [];
  for (let offset = 0; offset < 8; offset++) {
    const within = (memory: ArrayBuffer | SharedArrayBuffer) => {
      new Uint8Array(memory).fill(0xa5);
      new Uint8Array(memory, offset, content.length).set(content);
      return memory;
    };
    const length = content.length + offset + 5;
    const plain = within(new ArrayBuffer(length)) as ArrayBuffer;
    const shared = within(new SharedArrayBuffer(length));
    views.push({ what: `Uint8Array at ${offset}`, bytes: new Uint8Array(plain, offset, content.length) });
    views.push({ what: `Buffer at ${offset}`, bytes: Buffer.from(plain, offset, content.length) });
    views.push({ what: `shared at ${offset}`, bytes: new Uint8Array(shared, offset, content.length) });
    // Small Buffers share one pool, and begin where it happens to be.
    Buffer.from(new Uint8Array(offset));
    views.push({ what: `pooled Buffer, ${offset}`, bytes: Buffer.from(content) });
  }
  return views;
}
