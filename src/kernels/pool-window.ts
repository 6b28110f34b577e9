import type { Tensor } from '../runtime/tensor.js';

/** Settings of a square pooling window, in pixels. */
export interface PoolWindow {
  readonly kernelSize: number;
  readonly stride: number;
  readonly padding: number;
}

/** Sizes of one plane before and after pooling, pixels. */
export interface PoolSizes {
  readonly height: number;
  readonly width: number;
  readonly outHeight: number;
  readonly outWidth: number;
}

/**
 * Pixels of the pooled axis, as PyTorch counts them: with `ceilMode` a last window may hang over the far border, unless it
 * would start in the padding beyond the image.
 */
export function pooledSize(size: number, { kernelSize, stride, padding }: PoolWindow, ceilMode: boolean): number {
  const steps = (size + 2 * padding - kernelSize) / stride;
  const windows = (ceilMode ? Math.ceil(steps) : Math.floor(steps)) + 1;
  return ceilMode && (windows - 1) * stride >= size + padding ? windows - 1 : windows;
}

/** Shape of x after pooling; throws RangeError, in the name of `op`, where no window fits or the padding exceeds half of one. */
export function pooledShape(op: string, x: Tensor<'NCHW'>, window: PoolWindow, ceilMode: boolean): readonly number[] {
  const { kernelSize, padding } = window;
  const [height, width] = [pooledSize(x.dim('H'), window, ceilMode), pooledSize(x.dim('W'), window, ceilMode)];
  if (height < 1 || width < 1) {
    throw new RangeError(`${op}: window ${kernelSize} with padding ${padding} does not fit x (${x.toString()}). Pad it or pool less.`);
  }
  if (2 * padding > kernelSize) {
    throw new RangeError(`${op}: padding ${padding}, expected at most half of the window ${kernelSize} (${x.toString()}). Pad less.`);
  }
  return [x.dim('N'), x.dim('C'), height, width];
}

/** Window and sizes as the shaders take them: x before pooling, y after. */
export function poolParams(x: Tensor<'NCHW'>, y: Tensor<'NCHW'>, { kernelSize, stride, padding }: PoolWindow): PoolWindow & PoolSizes {
  return { kernelSize, stride, padding, height: x.dim('H'), width: x.dim('W'), outHeight: y.dim('H'), outWidth: y.dim('W') };
}
