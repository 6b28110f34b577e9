/** Sizes of a convolution: x is [N,C,H,W], weight [O,C/groups,kernelHeight,kernelWidth], y [N,O,outHeight,outWidth]; pixels. */
export interface ConvShape {
  readonly n: number;
  readonly inChannels: number;
  readonly outChannels: number;
  readonly height: number;
  readonly width: number;
  readonly kernelHeight: number;
  readonly kernelWidth: number;
  readonly stride: number;
  readonly padding: number;
  readonly dilation: number;
  readonly groups?: number;
}

/** Rounds down, as PyTorch: windows that would leave the padded input are dropped. */
export function convOutputSize(
  size: number,
  kernelSize: number,
  { stride, padding, dilation }: Pick<ConvShape, 'stride' | 'padding' | 'dilation'>,
): number {
  return Math.floor((size + 2 * padding - dilation * (kernelSize - 1) - 1) / stride) + 1;
}

/**
 * Calls `row` for every row of products of the convolution that share a weight: products y[y + j] with x[x + j * stride], j < count,
 * as flat indices. Only those inside the image: padding contributes nothing.
 */
function eachRow(s: ConvShape, row: (y: number, x: number, w: number, count: number) => void): void {
  const outHeight = convOutputSize(s.height, s.kernelHeight, s);
  const outWidth = convOutputSize(s.width, s.kernelWidth, s);
  const { groups = 1 } = s;
  const seen = s.inChannels / groups; // input channels of a group
  for (let n = 0; n < s.n; n++)
    for (let o = 0; o < s.outChannels; o++) {
      const firstIn = Math.floor((o * groups) / s.outChannels) * seen; // of the group
      for (let k = 0; k < seen; k++)
        for (let u = 0; u < s.kernelHeight; u++)
          for (let v = 0; v < s.kernelWidth; v++) {
            const left = v * s.dilation - s.padding; // column of x that the tap reads for column 0 of y
            const first = Math.max(0, Math.ceil(-left / s.stride));
            const count = Math.min(outWidth, Math.floor((s.width - 1 - left) / s.stride) + 1) - first;
            const w = ((o * seen + k) * s.kernelHeight + u) * s.kernelWidth + v;
            for (let i = 0; i < outHeight; i++) {
              const at = i * s.stride + u * s.dilation - s.padding;
              if (at < 0 || at >= s.height || count <= 0) continue;
              const x = ((n * s.inChannels + firstIn + k) * s.height + at) * s.width + left + first * s.stride;
              row(((n * s.outChannels + o) * outHeight + i) * outWidth + first, x, w, count);
            }
          }
    }
}

/** Cross-correlation, float64. */
export function conv2d(x: Float64Array, weight: Float64Array, bias: Float64Array | null, s: ConvShape): Float64Array {
  const plane = convOutputSize(s.height, s.kernelHeight, s) * convOutputSize(s.width, s.kernelWidth, s);
  const out = new Float64Array(s.n * s.outChannels * plane);
  for (let i = 0; bias && i < s.n * s.outChannels; i++) out.fill(bias[i % s.outChannels]!, i * plane, (i + 1) * plane);
  const { stride } = s;
  eachRow(s, (y, xi, w, count) => {
    const factor = weight[w]!;
    for (let j = 0; j < count; j++) out[y + j]! += factor * x[xi + j * stride]!;
  });
  return out;
}

export function conv2dGradInput(weight: Float64Array, dy: Float64Array, s: ConvShape): Float64Array {
  const dx = new Float64Array(s.n * s.inChannels * s.height * s.width);
  const { stride } = s;
  eachRow(s, (y, xi, w, count) => {
    const factor = weight[w]!;
    for (let j = 0; j < count; j++) dx[xi + j * stride]! += factor * dy[y + j]!;
  });
  return dx;
}

export function conv2dGradWeight(x: Float64Array, dy: Float64Array, s: ConvShape): Float64Array {
  const dw = new Float64Array(((s.outChannels * s.inChannels) / (s.groups ?? 1)) * s.kernelHeight * s.kernelWidth);
  const { stride } = s;
  eachRow(s, (y, xi, w, count) => {
    let sum = 0;
    for (let j = 0; j < count; j++) sum += dy[y + j]! * x[xi + j * stride]!;
    dw[w]! += sum;
  });
  return dw;
}

export function conv2dGradBias(dy: Float64Array, s: ConvShape): Float64Array {
  const plane = dy.length / (s.n * s.outChannels);
  const db = new Float64Array(s.outChannels);
  dy.forEach((v, i) => (db[Math.floor(i / plane) % s.outChannels]! += v));
  return db;
}
