import { createImage, type GrayImage, reflectIndex } from '../data/image.js';

/** Weights of a Gaussian sampled at whole pixels out to three SD, summing to 1; `[1]` for an SD below 0.2 px, which no grid can show. */
export function gaussianKernel(sdPx: number): Float64Array {
  if (sdPx < 0.2) return Float64Array.of(1);
  const radius = Math.ceil(3 * sdPx);
  const kernel = Float64Array.from({ length: 2 * radius + 1 }, (_, i) => Math.exp(-0.5 * ((i - radius) / sdPx) ** 2));
  const sum = kernel.reduce((total, w) => total + w, 0);
  return kernel.map((w) => w / sum);
}

/** Gaussian blur; outside the image it is reflected. */
export function gaussianBlur(image: GrayImage, sdPx: number): GrayImage {
  const kernel = gaussianKernel(sdPx);
  const { width, height, data } = image;
  const across = createImage(width, height);
  const out = createImage(width, height);
  const radius = (kernel.length - 1) / 2;
  const columns = Int32Array.from({ length: width + 2 * radius }, (_, i) => reflectIndex(i - radius, width));
  const line = new Float64Array(width + 2 * radius);
  for (let y = 0; y < height; y++) {
    for (let i = 0; i < line.length; i++) line[i] = data[y * width + columns[i]!]!;
    for (let x = 0; x < width; x++) {
      let sum = 0;
      for (let k = 0; k < kernel.length; k++) sum += kernel[k]! * line[x + k]!;
      across.data[y * width + x] = sum;
    }
  }
  const sums = new Float64Array(width);
  for (let y = 0; y < height; y++) {
    sums.fill(0);
    for (let k = 0; k < kernel.length; k++) {
      const row = reflectIndex(y + k - radius, height) * width;
      const weight = kernel[k]!;
      for (let x = 0; x < width; x++) sums[x]! += weight * across.data[row + x]!;
    }
    for (let x = 0; x < width; x++) out.data[y * width + x] = sums[x]!;
  }
  return out;
}
