// WAV files by their parts, so that a test can get each field wrong on its own.

export interface WavFields {
  /** Format tag: 1 for integers, 3 for floats. */
  tag: number;
  bits: number;
  channels: number;
  sampleRate: number;
  blockAlign: number;
  byteRate: number;
  /** What the data chunk says of its size. */
  dataSize: number;
  /** What the RIFF header says of its size. */
  riffSize: number;
  form: "RIFF" | "RF64";
  /** Chunks before data, whole, with or without their pad bytes. */
  before: Uint8Array;
  /** Bytes after the samples. */
  after: Uint8Array;
}

/** A RIFF chunk without a pad byte. */
export function chunk(name: string, body: Uint8Array): Uint8Array {
  const bytes = Buffer.alloc(8 + body.length);
  bytes.write(name, "latin1");
  bytes.writeUInt32LE(body.length, 4);
  bytes.set(body, 8);
  return bytes;
}

export function wavBytes(data: Uint8Array, fields: Partial<WavFields> = {}): Uint8Array {
  const { tag = 1, bits = 16, channels = 1, sampleRate = 8000, form = "RIFF" } = fields;
  const { before = new Uint8Array(0), after = new Uint8Array(0), dataSize = data.length } = fields;
  const { blockAlign = (bits / 8) * channels } = fields;
  const { byteRate = sampleRate * (bits / 8) * channels } = fields;
  const fmt = Buffer.alloc(16);
  fmt.writeUInt16LE(tag, 0);
  fmt.writeUInt16LE(channels, 2);
  fmt.writeUInt32LE(sampleRate, 4);
  fmt.writeUInt32LE(byteRate, 8);
  fmt.writeUInt16LE(blockAlign, 12);
  fmt.writeUInt16LE(bits, 14);
  const samples = chunk("data", data);
  new DataView(samples.buffer, samples.byteOffset).setUint32(4, dataSize, true);
  const body = Buffer.concat([Buffer.from("WAVE"), chunk("fmt ", fmt), before, samples, after]);
  const head = Buffer.alloc(8);
  head.write(form, "latin1");
  head.writeUInt32LE(fields.riffSize ?? body.length, 4);
  return new Uint8Array(Buffer.concat([head, body]));
}

/** Random 16-bit samples with their values. */
export function pcm16(
  count: number,
  integer: (below: number) => number,
): { bytes: Uint8Array; values: number[] } {
  const ints = Int16Array.from({ length: count }, () => integer(65536) - 32768);
  return { bytes: new Uint8Array(ints.buffer), values: Array.from(ints, (each) => each / 32768) };
}
