// Reads and writes the float32 part of the safetensors container (https://github.com/huggingface/safetensors#format), which is how the
// benchmark hands inputs to an engine and takes its results. mcgpu's own reader is TypeScript and checks far more; a peer runs without a build.
import { readFileSync, writeFileSync } from 'node:fs';

/** @typedef {{ shape: number[], data: Float32Array }} Tensor row-major */

/**
 * @param {string} file
 * @returns {Map<string, Tensor>}
 */
export function readTensors(file) {
  const bytes = readFileSync(file);
  const headerLength = bytes.length < 8 ? NaN : Number(bytes.readBigUInt64LE(0));
  if (!(8 + headerLength <= bytes.length)) throw new Error(`${file}: not a safetensors file.`);
  /** @type {Record<string, { dtype: string, shape: number[], data_offsets: [number, number] }>} */
  const header = JSON.parse(bytes.toString('utf8', 8, 8 + headerLength));
  delete header.__metadata__;
  return new Map(
    Object.entries(header).map(
      ([
        name,
        {
          dtype,
          shape,
          data_offsets: [begin, end],
        },
      ]) => {
        const count = shape.reduce((product, side) => product * side, 1);
        if (dtype !== 'F32' || end - begin !== 4 * count) {
          throw new Error(`${file}: tensor '${name}' has ${end - begin} bytes of ${dtype}, expected ${4 * count} of F32.`);
        }
        const data = Uint8Array.from(bytes.subarray(8 + headerLength + begin, 8 + headerLength + end));
        return [name, { shape, data: new Float32Array(data.buffer) }];
      },
    ),
  );
}

/**
 * @param {string} file
 * @param {ReadonlyMap<string, Tensor>} tensors
 */
export function writeTensors(file, tensors) {
  const sorted = [...tensors].sort(([a], [b]) => (a < b ? -1 : 1));
  let end = 0;
  const entries = sorted.map(([name, { shape, data }]) => [name, { dtype: 'F32', shape, data_offsets: [end, (end += data.byteLength)] }]);
  const json = JSON.stringify(Object.fromEntries(entries));
  const header = Buffer.from(json.padEnd(8 * Math.ceil(Buffer.byteLength(json) / 8)));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  const data = sorted.map(([, t]) => Buffer.from(t.data.buffer, t.data.byteOffset, t.data.byteLength));
  writeFileSync(file, Buffer.concat([length, header, ...data]));
}
