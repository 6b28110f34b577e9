import type { GrayImage } from './image.js';
import { createImage, reflectIndex } from './image.js';

/**
 * Mean over the (2 radius + 1)-pixel square around every pixel, `passes` times over; three passes come close to a Gaussian.
 * Outside the image it is reflected at the outer pixels' centres. The cost per pixel does not depend on the radius.
 *
 * Reflection survives a symmetric filter, so that several passes equal several passes over the endlessly reflected image.
 */
export function boxBlur(image: GrayImage, radius: number, passes: number): GrayImage {
  const { width, height } = image;
  const out = createImage(width, height);
  if (radius === 0 || passes === 0) {
    out.data.set(image.data);
    return out;
  }
  blurRows(image.data, out.data, width, height, radius, passes);
  let from = out.data;
  let to: Float32Array = new Float32Array(from.length);
  for (let pass = 0; pass < passes; pass++) {
    blurColumns(from, to, width, height, radius);
    [from, to] = [to, from];
  }
  return { width, height, data: from };
}

/** Running sums are float64: their error stays below float32 rounding however long the row. */
function blurRows(source: Float32Array, target: Float32Array, width: number, height: number, radius: number, passes: number): void {
  const reflected = Int32Array.from({ length: width + 2 * radius }, (_, i) => reflectIndex(i - radius, width));
  const span = 2 * radius + 1;
  const line = new Float64Array(width);
  const padded = new Float64Array(width + 2 * radius);
  for (let y = 0; y < height; y++) {
    const row = y * width;
    for (let x = 0; x < width; x++) line[x] = source[row + x]!;
    for (let pass = 0; pass < passes; pass++) {
      for (let i = 0; i < padded.length; i++) padded[i] = line[reflected[i]!]!;
      let sum = 0;
      for (let i = 0; i < span - 1; i++) sum += padded[i]!;
      for (let x = 0; x < width; x++) {
        sum += padded[x + span - 1]!;
        line[x] = sum / span;
        sum -= padded[x]!;
      }
    }
    for (let x = 0; x < width; x++) target[row + x] = line[x]!;
  }
}

/** Walks row by row with one running sum per column, which keeps to the cache on a 4000-row image. */
function blurColumns(source: Float32Array, target: Float32Array, width: number, height: number, radius: number): void {
  const span = 2 * radius + 1;
  const sums = new Float64Array(width);
  for (let dy = -radius; dy < radius; dy++) {
    const row = reflectIndex(dy, height) * width;
    for (let x = 0; x < width; x++) sums[x]! += source[row + x]!;
  }
  for (let y = 0; y < height; y++) {
    const entering = reflectIndex(y + radius, height) * width;
    const leaving = reflectIndex(y - radius, height) * width;
    const row = y * width;
    for (let x = 0; x < width; x++) {
      const sum = sums[x]! + source[entering + x]!;
      target[row + x] = sum / span;
      sums[x] = sum - source[leaving + x]!;
    }
  }
}
