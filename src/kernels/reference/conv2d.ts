/** Sizes of a convolution: x is [N,C,H,W], weight [O,C,kernelHeight,kernelWidth], y [N,O,outHeight,outWidth]; pixels. */
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
}

/** Rounds down, as PyTorch: windows that would leave the padded input are dropped. */
export function convOutputSize(
  size: number,
  kernelSize: number,
  { stride, padding, dilation }: Pick<ConvShape, 'stride' | 'padding' | 'dilation'>,
): number {
  return Math.floor((size + 2 * padding - dilation * (kernelSize - 1) - 1) / stride) + 1;
}

/** Calls `term` with the flat indices of y, x and weight of every product of the convolution. */
function eachProduct(s: ConvShape, term: (y: number, x: number, w: number) => void): void {
  const outHeight = convOutputSize(s.height, s.kernelHeight, s);
  const outWidth = convOutputSize(s.width, s.kernelWidth, s);
  let y = 0;
  for (let n = 0; n < s.n; n++)
    for (let o = 0; o < s.outChannels; o++)
      for (let i = 0; i < outHeight; i++)
        for (let j = 0; j < outWidth; j++, y++)
          for (let c = 0; c < s.inChannels; c++)
            for (let u = 0; u < s.kernelHeight; u++)
              for (let v = 0; v < s.kernelWidth; v++) {
                const row = i * s.stride + u * s.dilation - s.padding;
                const column = j * s.stride + v * s.dilation - s.padding;
                if (row < 0 || row >= s.height || column < 0 || column >= s.width) continue;
                const x = ((n * s.inChannels + c) * s.height + row) * s.width + column;
                term(y, x, ((o * s.inChannels + c) * s.kernelHeight + u) * s.kernelWidth + v);
              }
}

/** Cross-correlation, float64. */
export function conv2d(x: Float64Array, weight: Float64Array, bias: Float64Array | null, s: ConvShape): Float64Array {
  const plane = convOutputSize(s.height, s.kernelHeight, s) * convOutputSize(s.width, s.kernelWidth, s);
  const out = Float64Array.from({ length: s.n * s.outChannels * plane }, (_, i) => bias?.[Math.floor(i / plane) % s.outChannels] ?? 0);
  eachProduct(s, (y, xi, w) => (out[y] = (out[y] ?? 0) + (x[xi] ?? 0) * (weight[w] ?? 0)));
  return out;
}

export function conv2dGradInput(weight: Float64Array, dy: Float64Array, s: ConvShape): Float64Array {
  const dx = new Float64Array(s.n * s.inChannels * s.height * s.width);
  eachProduct(s, (y, xi, w) => (dx[xi] = (dx[xi] ?? 0) + (dy[y] ?? 0) * (weight[w] ?? 0)));
  return dx;
}

export function conv2dGradWeight(x: Float64Array, dy: Float64Array, s: ConvShape): Float64Array {
  const dw = new Float64Array(s.outChannels * s.inChannels * s.kernelHeight * s.kernelWidth);
  eachProduct(s, (y, xi, w) => (dw[w] = (dw[w] ?? 0) + (dy[y] ?? 0) * (x[xi] ?? 0)));
  return dw;
}

export function conv2dGradBias(dy: Float64Array, s: ConvShape): Float64Array {
  const plane = dy.length / (s.n * s.outChannels);
  const db = new Float64Array(s.outChannels);
  dy.forEach((v, i) => {
    const o = Math.floor(i / plane) % s.outChannels;
    db[o] = (db[o] ?? 0) + v;
  });
  return db;
}
