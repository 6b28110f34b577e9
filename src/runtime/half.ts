// Floats of half precision (IEEE 754 binary16) as the GPU stores them: Node 20 has no Float16Array.

const word = new DataView(new ArrayBuffer(4));

function bitsOf(value: number): number {
  word.setFloat32(0, value);
  return word.getUint32(0);
}

/** The nearest half, ties to even; beyond 65504 infinity, below 2^-24 zero. NaN stays NaN. */
function toHalf(value: number): number {
  const bits = bitsOf(value);
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00;
  // 65520 lies halfway between the largest half and what would follow it.
  if (magnitude >= 0x477ff000) return sign | 0x7c00;
  // Below 2^-14 halves are whole multiples of 2^-24, the last place of floats from 0.5 on: adding 0.5 rounds to them.
  if (magnitude < 0x38800000) return sign | (bitsOf(Math.abs(value) + 0.5) - bitsOf(0.5));
  const exponentMoved = magnitude - (112 << 23);
  const odd = (exponentMoved >>> 13) & 1;
  return sign | ((exponentMoved + 0xfff + odd) >>> 13);
}

function fromHalf(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >>> 10) & 31;
  const fraction = half & 1023;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (1024 + fraction) * 2 ** (exponent - 25);
}

/** Every half as a float: reading a map back looks them up. */
let table: Float32Array | undefined;

/** The bits of the nearest halves. The length is even, as a copy to the GPU has whole words; what was added is 0. */
export function toHalves(values: Float32Array): Uint16Array {
  const halves = new Uint16Array(Math.ceil(values.length / 2) * 2);
  for (let i = 0; i < values.length; i++) halves[i] = toHalf(values[i] ?? 0);
  return halves;
}

export function fromHalves(halves: Uint16Array): Float32Array<ArrayBuffer> {
  table ??= Float32Array.from({ length: 65536 }, (_, half) => fromHalf(half));
  const floats = new Float32Array(halves.length);
  for (let i = 0; i < halves.length; i++) floats[i] = table[halves[i] ?? 0] ?? 0;
  return floats;
}
