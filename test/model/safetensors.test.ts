import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { UserError } from '../../src/errors.js';
import { assertFinite, floatTensor, readSafetensors, writeSafetensors, type StoredTensor } from '../../src/model/safetensors.js';

/** A file from a header text and data, with no check at all. */
function rawFile(header: string, dataBytes = 0): Uint8Array {
  const text = new TextEncoder().encode(header);
  const bytes = new Uint8Array(8 + text.length + dataBytes);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(text.length), true);
  bytes.set(text, 8);
  return bytes;
}

const f32 = (begin: number, end: number, shape = [(end - begin) / 4]): object => ({ dtype: 'F32', shape, data_offsets: [begin, end] });

const SAMPLE = new Map<string, StoredTensor>([
  ['z.mask', { dtype: 'U8', shape: [3], data: new Uint8Array([1, 2, 3]) }],
  ['b.weight', floatTensor([2, 1, 2], new Float32Array([1, -2.5, 3e-40, 4]))],
  ['a.step', { dtype: 'I64', shape: [1], data: new BigInt64Array([-(2n ** 60n)]) }],
  ['half', { dtype: 'F16', shape: [], data: new Uint16Array([0x3c00]) }],
  ['nothing', { dtype: 'U32', shape: [0, 4], data: new Uint32Array() }],
]);

describe('writeSafetensors and readSafetensors', () => {
  it('give back names, types, shapes, values and metadata', () => {
    const back = readSafetensors(writeSafetensors(SAMPLE, { note: 'größe' }), 'x');
    expect(back.metadata).toEqual({ note: 'größe' });
    expect(new Map(back.tensors)).toEqual(SAMPLE);
  });

  it('give back any float32 bit pattern', () => {
    fc.assert(
      fc.property(fc.array(fc.float()), fc.string(), (values, name) => {
        if (name === '__metadata__') return;
        const data = new Float32Array(values);
        const back = readSafetensors(writeSafetensors(new Map([[name, floatTensor([data.length], data)]])), 'x');
        expect(back.tensors.get(name)?.data).toEqual(data);
      }),
    );
  });

  it('write the same bytes whatever the order of the tensors', () => {
    expect(writeSafetensors(new Map([...SAMPLE].reverse()), { a: '1', b: '2' })).toEqual(writeSafetensors(SAMPLE, { b: '2', a: '1' }));
  });

  it('write exactly these bytes', () => {
    const header = '{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}'.padEnd(56);
    const bytes = writeSafetensors(new Map([['w', floatTensor([1], new Float32Array([1]))]]));
    expect(bytes).toEqual(Uint8Array.from([56, 0, 0, 0, 0, 0, 0, 0, ...new TextEncoder().encode(header), 0, 0, 0x80, 0x3f]));
  });

  it('align every tensor to its type within the file', () => {
    const bytes = writeSafetensors(SAMPLE);
    const headerBytes = Number(new DataView(bytes.buffer).getBigUint64(0, true));
    const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + headerBytes))) as Record<
      string,
      { data_offsets: [number, number] }
    >;
    for (const [name, { data }] of SAMPLE)
      expect((8 + headerBytes + (header[name]?.data_offsets[0] ?? 0.5)) % data.BYTES_PER_ELEMENT).toBe(0);
  });

  it('read data that starts at an odd byte', () => {
    const header = JSON.stringify({ a: f32(0, 4) });
    const bytes = rawFile(header.padEnd(header.length % 2 === 0 ? header.length + 1 : header.length), 4);
    const shifted = new Uint8Array(bytes.length + 1);
    shifted.set(bytes, 1);
    expect(readSafetensors(shifted.subarray(1), 'x').tensors.get('a')?.data).toEqual(new Float32Array([0]));
  });

  it('refuse to write a tensor whose shape does not fit its values', () => {
    expect(() => writeSafetensors(new Map([['a', floatTensor([2, 2], new Float32Array(3))]]))).toThrow(/tensor 'a' of shape \[2, 2\]/);
    expect(() => writeSafetensors(new Map([['__metadata__', floatTensor([0], new Float32Array())]]))).toThrow(/reserved/);
  });
});

describe('readSafetensors refuses a hostile or damaged file with a clear error', () => {
  const huge = new Uint8Array(16);
  new DataView(huge.buffer).setBigUint64(0, 2n ** 63n, true);
  const long = rawFile('{}');
  new DataView(long.buffer).setBigUint64(0, 5000n, true);
  const entry = (fields: object, dataBytes = 4): Uint8Array => rawFile(JSON.stringify({ a: { ...f32(0, 4), ...fields } }), dataBytes);
  const notUtf8 = rawFile('{"a?":1}');
  notUtf8[11] = 0xff;

  const cases: [string, Uint8Array, RegExp][] = [
    ['an empty file', new Uint8Array(), /it has 0 bytes/],
    ['a PNG', Uint8Array.from([0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10, 0, 0, 0, 13]), /not a safetensors file/],
    ['a header length beyond 2^53', huge, /announce a header of 9223372036854775808 bytes/],
    ['a header longer than the file', long, /should end at byte 5008, the file ends at 10/],
    ['a header that is no object', rawFile('[1, 2]'), /does not begin with '\{'/],
    ['an empty header', rawFile(''), /does not begin|at least/],
    ['a header that is no JSON', rawFile('{"a":'), /not valid JSON/],
    ['a header with bytes that are not UTF-8', notUtf8, /not UTF-8/],
    ['two tensors of one name', rawFile(`{"a":${JSON.stringify(f32(0, 4))},"\\u0061":${JSON.stringify(f32(4, 8))}}`, 8), /name 'a' twice/],
    ['two shapes in one entry', rawFile('{"a":{"dtype":"F32","shape":[1],"shape":[2],"data_offsets":[0,8]}}', 8), /name 'shape' twice/],
    ['metadata that are not strings', rawFile('{"__metadata__":{"n":1}}'), /__metadata__/],
    ['metadata that are a list', rawFile('{"__metadata__":[]}'), /__metadata__/],
    ['an entry that is a number', rawFile('{"a":1}'), /tensor 'a': its entry/],
    ['an unknown type', entry({ dtype: 'F8' }), /type "F8", expected one of F64, F32/],
    ['a type named like an object method', entry({ dtype: 'constructor' }), /type "constructor"/],
    ['an unknown field', entry({ stride: [1] }), /unknown field 'stride'/],
    ['a negative side', entry({ shape: [-1] }), /shape \[-1\]/],
    ['a broken side', entry({ shape: [0.5] }), /shape \[0.5\]/],
    ['a shape whose product overflows', entry({ shape: [2 ** 40, 2 ** 40] }), /needs too many bytes/],
    ['a shape whose product overflows before a zero', entry({ shape: [2 ** 40, 2 ** 40, 0], data_offsets: [0, 0] }, 0), /too many bytes/],
    ['a shape that does not fit the offsets', entry({ shape: [2] }), /needs 8 bytes, data_offsets hold 4/],
    ['offsets the wrong way round', entry({ data_offsets: [4, 0] }), /data_offsets \[4,0\]/],
    ['a single offset', entry({ data_offsets: [0] }), /data_offsets \[0\]/],
    ['data cut short', entry({}, 3), /cut short: tensor 'a' ends at byte 4 of the data, which has 3/],
    ['bytes behind the last tensor', entry({}, 5), /tensors end at byte 4 of the data, which has 5/],
    ['overlapping tensors', rawFile(JSON.stringify({ a: f32(0, 8), b: f32(4, 12) }), 12), /tensor 'b' overlaps/],
    ['a gap between tensors', rawFile(JSON.stringify({ a: f32(0, 4), b: f32(8, 12) }), 12), /tensor 'b' leaves a gap/],
  ];
  it.each(cases)('%s', (_, bytes, message) => {
    const read = (): unknown => readSafetensors(bytes, 'model.safetensors');
    expect(read).toThrow(UserError);
    expect(read).toThrow(message);
    expect(read).toThrow(/^model\.safetensors: /);
  });

  it('every cut of a valid file', () => {
    const bytes = writeSafetensors(SAMPLE, { note: 'x' });
    for (let length = 0; length < bytes.length; length++) expect(() => readSafetensors(bytes.subarray(0, length), 'x')).toThrow(UserError);
  });

  it('any random change ends in a UserError or in tensors that fit their shapes', () => {
    const bytes = writeSafetensors(SAMPLE, { note: 'x' });
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.nat(255)), { minLength: 1, maxLength: 6 }), (changes) => {
        const hostile = bytes.slice();
        for (const [at, value] of changes) hostile[at] = value;
        try {
          for (const { shape, data } of readSafetensors(hostile, 'x').tensors.values()) {
            expect(data.length).toBe(shape.reduce((a, b) => a * b, 1));
          }
        } catch (error) {
          expect(error).toBeInstanceOf(UserError);
        }
      }),
    );
  });

  it('but takes a tensor named __proto__ as any other', () => {
    const { tensors } = readSafetensors(rawFile(`{"__proto__":${JSON.stringify(f32(0, 4))}}`, 4), 'x');
    expect([...tensors.keys()]).toEqual(['__proto__']);
  });
});

describe('assertFinite', () => {
  it.each([
    ['NaN', floatTensor([2], new Float32Array([0, NaN])), /tensor 'w' holds NaN at index 1/],
    ['an infinity', floatTensor([1], new Float32Array([-Infinity])), /holds -Infinity at index 0/],
    ['a half-precision NaN', { dtype: 'F16', shape: [1], data: new Uint16Array([0x7e00]) } satisfies StoredTensor, /NaN or an infinity/],
  ])('refuses %s', (_, tensor, message) => {
    expect(() => assertFinite(new Map([['w', tensor]]), 'm')).toThrow(message);
  });

  it('accepts finite values and integers', () => {
    expect(() => assertFinite(SAMPLE, 'm')).not.toThrow();
  });
});
