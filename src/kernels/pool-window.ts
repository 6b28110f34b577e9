/** Settings of a square pooling window, in pixels. */
export interface PoolWindow {
  readonly kernelSize: number;
  readonly stride: number;
  readonly padding: number;
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
