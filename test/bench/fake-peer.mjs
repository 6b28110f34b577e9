// An engine that computes nothing: one value per operation of M, which the test compares. The first argument says how it behaves.
import { writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';

const [behaviour, ...args] = process.argv.slice(2);
const output = args[args.indexOf('--output') + 1] ?? '';
const OPS = ['conv3x3', 'conv3x3-grad-input', 'conv3x3-grad-weight', 'bilinear-x4', 'max-pool-2'];
const print = (/** @type {object} */ reply) => process.stdout.write(`${JSON.stringify(reply)}\n`);

if (behaviour === 'absent') throw new Error("Cannot find package 'fake-engine'");
for (const op of OPS) {
  if (behaviour === 'partial' && op === 'bilinear-x4') print({ op, error: 'no half-pixel | centres' });
  else print({ op, firstMs: 5, gpuBytesPeak: 2 ** 20 });
}
for await (const line of createInterface({ input: process.stdin })) {
  const [verb, op] = line.split(' ');
  if (verb === 'end') break;
  if (behaviour === 'dies' && op === 'max-pool-2') process.exit(3);
  if (behaviour !== 'hangs') print({ op, ms: behaviour === 'slow' ? 20 : 10 });
}
const value = behaviour === 'slow' ? 1.5 : 1;
const header = Buffer.from(
  JSON.stringify(Object.fromEntries(OPS.map((op, i) => [`y.${op}`, { dtype: 'F32', shape: [1], data_offsets: [4 * i, 4 * i + 4] }]))),
);
const length = Buffer.alloc(8);
length.writeBigUInt64LE(BigInt(header.length));
writeFileSync(output, Buffer.concat([length, header, Buffer.from(new Float32Array(OPS.length).fill(value).buffer)]));
print({ done: true, gpuBytesPeak: 2 ** 20, version: '1.2', adapter: 'fake adapter' });
process.exit(0);
