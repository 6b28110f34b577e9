import { describe, expect, it } from 'vitest';
import { crc32c, fileVersionRecord, maskedCrc32c, scalarsRecord } from '../../src/train/tensorboard.js';
import { parseEvents } from '../support/tensorboard.js';

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

describe('crc32c', () => {
  // RFC 3720, appendix B.4, and the check value of the CRC catalogue
  it.each([
    ['32 zeros', new Uint8Array(32), 0x8a9136aa],
    ['32 times 0xff', new Uint8Array(32).fill(0xff), 0x62a8ab43],
    ['0 to 31', Uint8Array.from({ length: 32 }, (_, i) => i), 0x46dd794e],
    ['31 to 0', Uint8Array.from({ length: 32 }, (_, i) => 31 - i), 0x113fdb5c],
    ['123456789', new TextEncoder().encode('123456789'), 0xe3069283],
    ['nothing', new Uint8Array(), 0],
  ])('of %s is the published value', (_, bytes, crc) => {
    expect(crc32c(bytes)).toBe(crc);
  });

  it('masked is rotated by 15 and offset', () => {
    // crc32c 0xe3069283: rotated right by 15 it is 0x2507c60d, plus 0xa282ead8
    expect(maskedCrc32c(new TextEncoder().encode('123456789'))).toBe(0xc78ab0e5);
  });
});

describe('event records', () => {
  it('begin with the bytes that TensorFlow writes', () => {
    // 24 bytes of event: wall_time = 1 (double), file_version = "brain.Event:2". The checksum of the length is that of every
    // event file with this first record.
    expect(hex(fileVersionRecord(1))).toMatch(/^1800000000000000a37f4b2209000000000000f03f1a0d627261696e2e4576656e743a32[0-9a-f]{8}$/);
  });

  it('parse back to step, time, tags and float32 values', () => {
    const steps = [0, 1, 127, 128, 300, 2 ** 31, 2 ** 40];
    const records = steps.map((step) => scalarsRecord(1.5 + step, step, { 'train/loss': 0.1, 'validation/größe': -step }));
    const events = parseEvents(Buffer.concat([fileVersionRecord(7.25), ...records]));
    expect(events[0]).toEqual({ time: 7.25, step: 0, version: 'brain.Event:2', scalars: {} });
    expect(events.slice(1)).toEqual(
      steps.map((step) => ({
        time: 1.5 + step,
        step,
        version: '',
        scalars: { 'train/loss': Math.fround(0.1), 'validation/größe': Math.fround(-step) },
      })),
    );
  });
});
