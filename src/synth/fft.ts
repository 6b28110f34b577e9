/**
 * In-place inverse 2-D Fourier transform of a square complex image (radix 2, no scaling).
 *
 * @param re, im side x side values, row-major
 * @param side a power of two
 */
export function inverseFft2(re: Float64Array, im: Float64Array, side: number): void {
  if (!Number.isInteger(Math.log2(side))) throw new RangeError(`inverseFft2: side ${side} is not a power of two.`);
  const lineRe = new Float64Array(side);
  const lineIm = new Float64Array(side);
  const twiddles = Float64Array.from({ length: side }, (_, i) =>
    i % 2 === 0 ? Math.cos((Math.PI * i) / side) : Math.sin((Math.PI * (i - 1)) / side),
  );
  for (let y = 0; y < side; y++) transformLine(re.subarray(y * side, (y + 1) * side), im.subarray(y * side, (y + 1) * side), twiddles);
  for (let x = 0; x < side; x++) {
    for (let y = 0; y < side; y++) {
      lineRe[y] = re[y * side + x]!;
      lineIm[y] = im[y * side + x]!;
    }
    transformLine(lineRe, lineIm, twiddles);
    for (let y = 0; y < side; y++) {
      re[y * side + x] = lineRe[y]!;
      im[y * side + x] = lineIm[y]!;
    }
  }
}

/** Cooley-Tukey, decimation in time. `twiddles` holds cos, sin of 2 pi k / n for k = 0 .. n/2 - 1. */
function transformLine(re: Float64Array, im: Float64Array, twiddles: Float64Array): void {
  const n = re.length;
  reverseBits(re, im);
  for (let half = 1; half < n; half *= 2) {
    const step = n / (2 * half);
    for (let start = 0; start < n; start += 2 * half) {
      for (let k = 0; k < half; k++) {
        const wr = twiddles[2 * k * step]!;
        const wi = twiddles[2 * k * step + 1]!;
        const a = start + k;
        const b = a + half;
        const br = re[b]! * wr - im[b]! * wi;
        const bi = re[b]! * wi + im[b]! * wr;
        re[b] = re[a]! - br;
        im[b] = im[a]! - bi;
        re[a]! += br;
        im[a]! += bi;
      }
    }
  }
}

function reverseBits(re: Float64Array, im: Float64Array): void {
  const n = re.length;
  for (let i = 1, j = 0; i < n; i++) {
    let bit = n >> 1;
    for (; j & bit; bit >>= 1) j ^= bit;
    j ^= bit;
    if (i >= j) continue;
    [re[i], re[j]] = [re[j]!, re[i]!];
    [im[i], im[j]] = [im[j]!, im[i]!];
  }
}
