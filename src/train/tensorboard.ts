// TensorBoard's event file: TFRecords (length, data, checksums) of Event protocol buffers. Only what scalars need, both by hand:
// https://github.com/tensorflow/tensorboard/blob/master/tensorboard/compat/proto/event.proto and summary.proto

/** CRC32C (Castagnoli) of every byte value, reflected polynomial 0x82f63b78. */
const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  return crc;
});

/** CRC32C of RFC 3720, as an unsigned 32-bit integer. */
export function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = (CRC_TABLE[(crc ^ byte) & 0xff] ?? 0) ^ (crc >>> 8);
  return ~crc >>> 0;
}

/** TFRecord stores checksums rotated and offset, so that a checksum of data with checksums in it stays sound. */
export function maskedCrc32c(bytes: Uint8Array): number {
  const crc = crc32c(bytes);
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}

/** First record of every event file. @param time Unix time, seconds */
export function fileVersionRecord(time: number): Uint8Array<ArrayBuffer> {
  return tfRecord(message(double(1, time), bytesField(3, utf8('brain.Event:2'))));
}

/**
 * One record with all scalars of a step.
 *
 * @param time Unix time, seconds
 * @param scalars value by tag; TensorBoard groups tags by what stands before the first slash. Stored as float32
 */
export function scalarsRecord(time: number, step: number, scalars: Readonly<Record<string, number>>): Uint8Array<ArrayBuffer> {
  const values = Object.entries(scalars).map(([tag, value]) => bytesField(1, message(bytesField(1, utf8(tag)), float(2, value))));
  return tfRecord(message(double(1, time), varintField(2, step), bytesField(5, message(...values))));
}

function tfRecord(data: Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(16 + data.length);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, BigInt(data.length), true);
  view.setUint32(8, maskedCrc32c(bytes.subarray(0, 8)), true);
  bytes.set(data, 12);
  view.setUint32(12 + data.length, maskedCrc32c(data), true);
  return bytes;
}

// ---- protocol buffers: a field is a key (number << 3 | wire type) and a value ----

function message(...parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);
const key = (field: number, wireType: 0 | 1 | 2 | 5): number => (field << 3) | wireType; // one byte for the fields used here

function varint(value: number): number[] {
  const bytes: number[] = [];
  for (; value >= 128; value = Math.floor(value / 128)) bytes.push((value % 128) + 128);
  return [...bytes, value];
}

function varintField(field: number, value: number): Uint8Array {
  return Uint8Array.from([key(field, 0), ...varint(value)]);
}

function bytesField(field: number, data: Uint8Array): Uint8Array {
  return message(Uint8Array.from([key(field, 2), ...varint(data.length)]), data);
}

function double(field: number, value: number): Uint8Array {
  const bytes = Uint8Array.of(key(field, 1), 0, 0, 0, 0, 0, 0, 0, 0);
  new DataView(bytes.buffer).setFloat64(1, value, true);
  return bytes;
}

function float(field: number, value: number): Uint8Array {
  const bytes = Uint8Array.of(key(field, 5), 0, 0, 0, 0);
  new DataView(bytes.buffer).setFloat32(1, value, true);
  return bytes;
}
