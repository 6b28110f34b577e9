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
      let sum = kernel[radius]! * line[x + radius]!;
      for (let k = 0, mirrored = 2 * radius; k < radius; k++, mirrored--) sum += kernel[k]! * (line[x + k]! + line[x + mirrored]!);
      across.data[y * width + x] = sum;
    }
  }
  const sums = new Float64Array(width);
  const middle = kernel[radius]!;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) sums[x] = middle * across.data[y * width + x]!;
    for (let k = 1; k <= radius; k++) {
      const above = reflectIndex(y - k, height) * width;
      const below = reflectIndex(y + k, height) * width;
      const weight = kernel[radius + k]!;
      for (let x = 0; x < width; x++) sums[x]! += weight * (across.data[above + x]! + across.data[below + x]!);
    }
    for (let x = 0; x < width; x++) out.data[y * width + x] = sums[x]!;
  }
  return out;
}
