import { maskedCrc32c } from '../../src/train/tensorboard.js';

export interface ParsedEvent {
  time: number;
  step: number;
  version: string;
  scalars: Record<string, number>;
}

type Field = [number: number, value: number | Buffer];

/** A TensorBoard event file, read by the protocol-buffer rules alone; throws on a wrong checksum or length. */
export function parseEvents(file: Uint8Array): ParsedEvent[] {
  const bytes = Buffer.from(file);
  const events: ParsedEvent[] = [];
  for (let at = 0; at < bytes.length;) {
    const length = Number(bytes.readBigUInt64LE(at));
    if (bytes.readUInt32LE(at + 8) !== maskedCrc32c(bytes.subarray(at, at + 8)))
      throw new Error(`wrong checksum of the length at byte ${at}`);
    const data = bytes.subarray(at + 12, at + 12 + length);
    if (bytes.readUInt32LE(at + 12 + length) !== maskedCrc32c(data)) throw new Error(`wrong checksum of the record at byte ${at}`);
    events.push(parseEvent(data));
    at += 16 + length;
  }
  return events;
}

function parseEvent(data: Buffer): ParsedEvent {
  const event: ParsedEvent = { time: 0, step: 0, version: '', scalars: {} };
  for (const [field, value] of parseFields(data)) {
    if (field === 1) event.time = value as number;
    else if (field === 2) event.step = value as number;
    else if (field === 3) event.version = String(value);
    else if (field === 5) for (const [, summary] of parseFields(value as Buffer)) addScalar(event.scalars, summary as Buffer);
    else throw new Error(`unknown field ${field} of an event`);
  }
  return event;
}

function addScalar(scalars: Record<string, number>, summary: Buffer): void {
  const fields = new Map(parseFields(summary));
  scalars[String(fields.get(1))] = fields.get(2) as number;
}

function parseFields(data: Buffer): Field[] {
  const fields: Field[] = [];
  let at = 0;
  const varint = (): number => {
    for (let value = 0, scale = 1; ; scale *= 128) {
      const byte = data.readUInt8(at++);
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
  };
  while (at < data.length) {
    const key = varint();
    const type = key & 7;
    if (type === 0) fields.push([key >> 3, varint()]);
    else if (type === 1) fields.push([key >> 3, data.readDoubleLE((at += 8) - 8)]);
    else if (type === 5) fields.push([key >> 3, data.readFloatLE((at += 4) - 4)]);
    else {
      const length = varint();
      fields.push([key >> 3, data.subarray(at, (at += length))]);
    }
  }
  return fields;
}
